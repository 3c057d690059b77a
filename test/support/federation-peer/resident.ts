import { withSignature } from '#rules'
import type { JsonObject, Pdu } from '#spec'
import { PASS_ON, type PeerHandler, type PeerRequest, type Reply, refusal, reply } from './listener.ts'
import type { FederationPeer } from './peer.ts'
import type { PeerEvent, PeerRoom } from './peer-room.ts'

const FEDERATION = '/_matrix/federation'

/** What a server answers that is in a room and hides nothing of it. Events that others send to the room are taken into it. */
export const serveRoom = (peer: FederationPeer, room: PeerRoom): void => {
  serveMemberships(peer, room)
  serveState(peer, room)
  serveHistory(peer, room)
  serveTransactions(peer, room)
}

/** The alias leads to the room. */
export const serveAlias = (peer: FederationPeer, room: PeerRoom, alias: string): void => {
  peer.on('GET', `${FEDERATION}/v1/query/directory`, ({ query }) =>
    query.get('room_alias') === alias ? reply({ room_id: room.roomId, servers: [peer.name] }) : PASS_ON,
  )
}

/** An event without hashes and signatures, as `make_join` and its like give it. */
const templateOf = (room: PeerRoom, userId: string, membership: string): JsonObject => {
  const { pdu } = room.build({
    type: 'm.room.member',
    sender: userId,
    stateKey: userId,
    content: { membership },
  })
  const { hashes: _hashes, signatures: _signatures, ...template } = pdu
  return { room_version: room.version.id, event: template }
}

const ofRoom =
  (room: PeerRoom, answer: (request: PeerRequest) => Reply): PeerHandler =>
  (request) =>
    request.params.roomId === room.roomId ? answer(request) : PASS_ON

const serveMemberships = (peer: FederationPeer, room: PeerRoom): void => {
  for (const [operation, membership] of [
    ['join', 'join'],
    ['leave', 'leave'],
    ['knock', 'knock'],
  ] as const) {
    peer.on(
      'GET',
      `${FEDERATION}/v1/make_${operation}/:roomId/:userId`,
      ofRoom(room, ({ params, query }) => {
        if (operation !== 'leave' && !query.getAll('ver').includes(room.version.id))
          return {
            status: 400,
            json: { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', error: 'no', room_version: room.version.id },
          }
        return reply(templateOf(room, params.userId ?? '', membership))
      }),
    )
  }
  peer.on(
    'PUT',
    `${FEDERATION}/v2/send_join/:roomId/:eventId`,
    ofRoom(room, ({ body }) => reply(joinAnswer(peer, room, body))),
  )
  peer.on(
    'PUT',
    `${FEDERATION}/v2/send_leave/:roomId/:eventId`,
    ofRoom(room, ({ body }) => {
      room.receive(body)
      return reply({})
    }),
  )
  peer.on(
    'PUT',
    `${FEDERATION}/v1/send_knock/:roomId/:eventId`,
    ofRoom(room, ({ body }) => {
      room.receive(body)
      return reply({ knock_room_state: strippedState(room) })
    }),
  )
  peer.on(
    'PUT',
    `${FEDERATION}/v2/invite/:roomId/:eventId`,
    ofRoom(room, ({ body }) => reply({ event: countersigned(peer, room, body.event) })),
  )
}

/** The answer to `send_join`; the event is in the room then. */
export const joinAnswer = (peer: FederationPeer, room: PeerRoom, pdu: unknown): JsonObject => {
  const event = room.read(pdu)
  const before = room.stateBefore(event.event.prevEvents)
  const state = [...before.values()].map((eventId) => room.get(eventId))
  room.add(event)
  return {
    origin: peer.name,
    event: event.pdu,
    members_omitted: false,
    state: state.map((each) => each.pdu),
    auth_chain: room.authChain([...before.values(), event.eventId]).map((each) => each.pdu),
    servers_in_room: room.servers(),
  }
}

/** The same without members, but for those that the join is authorised by, and with the servers that are in the room. */
export const joinAnswerWithoutMembers = (peer: FederationPeer, room: PeerRoom, pdu: unknown): JsonObject => {
  const whole = joinAnswer(peer, room, pdu)
  const state = (whole.state as unknown as Pdu[]).filter(({ type }) => type !== 'm.room.member')
  const ids = state.map((one) => room.read(one).eventId)
  const chain = room.authChain([...ids, room.read(pdu).eventId])
  return { ...whole, members_omitted: true, state, auth_chain: chain.map((each) => each.pdu) }
}

export const strippedState = (room: PeerRoom): JsonObject[] =>
  ['m.room.create', 'm.room.join_rules', 'm.room.name', 'm.room.canonical_alias', 'm.room.encryption'].flatMap(
    (type) => {
      const event = room.stateEvent(type)
      if (event === undefined) return []
      const { content, sender } = event.event
      return [room.version.roomIdIsCreateHash ? event.pdu : { type, state_key: '', sender, content }]
    },
  )

/** The event with the peer's signature among its own, as an invited server gives it back. */
export const countersigned = (peer: FederationPeer, room: PeerRoom, pdu: JsonObject): JsonObject =>
  withSignature(pdu, peer.name, peer.key.keyId, peer.key.sign(room.essentialText(pdu as Pdu)))

const serveState = (peer: FederationPeer, room: PeerRoom): void => {
  const before = ({ query }: PeerRequest): PeerEvent[] | undefined => {
    const event = room.events.get((query.get('event_id') ?? '') as PeerEvent['eventId'])
    if (event === undefined) return undefined
    return [...room.stateBefore(event.event.prevEvents).values()].map((eventId) => room.get(eventId))
  }
  peer.on(
    'GET',
    `${FEDERATION}/v1/state/:roomId`,
    ofRoom(room, (request) => {
      const state = before(request)
      if (state === undefined) return refusal(404, 'M_NOT_FOUND')
      return reply({ pdus: state.map(({ pdu }) => pdu), auth_chain: chainOf(room, state).map(({ pdu }) => pdu) })
    }),
  )
  peer.on(
    'GET',
    `${FEDERATION}/v1/state_ids/:roomId`,
    ofRoom(room, (request) => {
      const state = before(request)
      if (state === undefined) return refusal(404, 'M_NOT_FOUND')
      return reply({
        pdu_ids: state.map(({ eventId }) => eventId),
        auth_chain_ids: chainOf(room, state).map(({ eventId }) => eventId),
      })
    }),
  )
  peer.on(
    'GET',
    `${FEDERATION}/v1/event_auth/:roomId/:eventId`,
    ofRoom(room, ({ params }) => reply({ auth_chain: room.authChain([params.eventId ?? '']).map(({ pdu }) => pdu) })),
  )
}

const chainOf = (room: PeerRoom, state: readonly PeerEvent[]): PeerEvent[] =>
  room.authChain(state.map(({ eventId }) => eventId))

const serveHistory = (peer: FederationPeer, room: PeerRoom): void => {
  const answer = (events: readonly PeerEvent[]) =>
    reply({ origin: peer.name, origin_server_ts: Date.now(), pdus: events.map(({ pdu }) => pdu) })
  peer.on('GET', `${FEDERATION}/v1/event/:eventId`, ({ params }) => {
    const event = room.events.get((params.eventId ?? '') as PeerEvent['eventId'])
    return event === undefined ? PASS_ON : answer([event])
  })
  peer.on(
    'GET',
    `${FEDERATION}/v1/backfill/:roomId`,
    ofRoom(room, ({ query }) => answer(room.history(query.getAll('v'), Number(query.get('limit') ?? 10)))),
  )
  peer.on(
    'POST',
    `${FEDERATION}/v1/get_missing_events/:roomId`,
    ofRoom(room, ({ body }) => {
      const known = new Set<string>([...body.earliest_events, ...body.latest_events])
      const lacking = missingBetween(room, body.latest_events, known, body.limit ?? 10)
      return reply({ events: lacking.map(({ pdu }) => pdu) })
    }),
  )
  peer.on(
    'GET',
    `${FEDERATION}/v1/timestamp_to_event/:roomId`,
    ofRoom(room, ({ query }) => {
      const ts = Number(query.get('ts'))
      const forwards = query.get('dir') !== 'b'
      const events = [...room.events.values()].filter(({ event }) =>
        forwards ? event.originServerTs >= ts : event.originServerTs <= ts,
      )
      const nearest = events.sort(
        (a, b) => Math.abs(a.event.originServerTs - ts) - Math.abs(b.event.originServerTs - ts),
      )[0]
      return nearest === undefined
        ? refusal(404, 'M_NOT_FOUND')
        : reply({ event_id: nearest.eventId, origin_server_ts: nearest.event.originServerTs })
    }),
  )
}

/** Events before `latest` that are not known, earlier ones first. */
const missingBetween = (room: PeerRoom, latest: readonly string[], known: Set<string>, limit: number): PeerEvent[] => {
  const found: PeerEvent[] = []
  const next = latest.flatMap((eventId) => room.events.get(eventId as PeerEvent['eventId'])?.event.prevEvents ?? [])
  for (let eventId = next.shift(); eventId !== undefined && found.length < limit; eventId = next.shift()) {
    const event = known.has(eventId) ? undefined : room.events.get(eventId)
    known.add(eventId)
    if (event === undefined) continue
    found.unshift(event)
    next.push(...event.event.prevEvents)
  }
  return found
}

/** Events of the room that come in transactions are taken into it; what came before them and is not known, is not asked for. */
const serveTransactions = (peer: FederationPeer, room: PeerRoom): void => {
  peer.onPdu((pdu) => {
    if (pdu.room_id !== room.roomId) return undefined
    const event = room.read(pdu)
    const known = event.event.prevEvents.filter((eventId) => room.events.has(eventId))
    room.add(event, known.length === 0 ? room.state : room.stateBefore(known))
    return event.eventId
  })
}
