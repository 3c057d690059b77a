import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '#spec'
import type { Json, TestClient } from '../../../support/client.ts'
import { type PeerHandler, reply } from '../../../support/federation-peer/listener.ts'
import type { PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { joinAnswer, serveRoom } from '../../../support/federation-peer/resident.ts'
import { type Asking, enc, HOME, startAsking } from '../history/asking.ts'
import { outcome } from './two-servers.ts'

const PEER = 'peer.example'
const V1 = '/_matrix/federation/v1'
const V2 = '/_matrix/federation/v2'

let house: Asking
let bob: TestClient
beforeAll(async () => {
  house = await startAsking()
  bob = await house.home.register('bob')
})
afterAll(() => house[Symbol.asyncDispose]())

const join = (room: PeerRoom) => outcome(bob.request('POST', `/v3/join/${enc(room.roomId)}?via=${PEER}`, { body: {} }))

/** A room of the peer, with what it answers to a template or a join changed. */
const roomWith = (changes: { make?: (answer: Json) => unknown; join?: (answer: Json, room: PeerRoom) => unknown }) => {
  const room = house.peer.createRoom({ version: '11' })
  serveRoom(house.peer, room)
  const changed =
    (
      how: (answer: Json) => unknown,
      answer: (room: PeerRoom, request: Parameters<PeerHandler>[0]) => JsonObject,
    ): PeerHandler =>
    (request) =>
      request.params.roomId === room.roomId ? reply(how(answer(room, request))) : { status: 404, json: {} }
  if (changes.make !== undefined)
    house.peer.on(
      'GET',
      `${V1}/make_join/:roomId/:userId`,
      changed(changes.make, (_, { params }) => {
        const { pdu } = room.build({
          type: 'm.room.member',
          sender: params.userId ?? '',
          stateKey: params.userId,
          content: { membership: 'join' },
        })
        return { room_version: '11', event: pdu }
      }),
    )
  const { join: ofJoin } = changes
  if (ofJoin !== undefined)
    house.peer.on(
      'PUT',
      `${V2}/send_join/:roomId/:eventId`,
      changed(
        (answer) => ofJoin(answer, room),
        (_, { text }) => joinAnswer(house.peer, room, JSON.parse(text)),
      ),
    )
  return room
}

describe('a template that does not fit the request', () => {
  it.each<readonly [string, (answer: Json) => unknown]>([
    ['is none', () => 'no'],
    ['has an unknown version', (answer) => ({ ...answer, room_version: '9999' })],
    [
      'is of another room',
      ({ event }) => ({ room_version: '11', event: { ...event, room_id: '!other:peer.example' } }),
    ],
    [
      'is of another user',
      ({ event }) => ({ room_version: '11', event: { ...event, state_key: '@eve:first.example' } }),
    ],
    ['is a ban', ({ event }) => ({ room_version: '11', event: { ...event, content: { membership: 'ban' } } })],
    ['is of another type', ({ event }) => ({ room_version: '11', event: { ...event, type: 'm.room.power_levels' } })],
    ['is beyond all depth', ({ event }) => ({ room_version: '11', event: { ...event, depth: 2 ** 60 } })],
    [
      'has too many references',
      ({ event }) => ({
        room_version: '11',
        event: { ...event, prev_events: Array.from({ length: 50 }, (_, index) => `$${index}`) },
      }),
    ],
    ['has references that are none', ({ event }) => ({ room_version: '11', event: { ...event, auth_events: [{}] } })],
  ])('and %s is not filled in', async (_, make) => {
    expect(await join(roomWith({ make }))).toEqual([502, 'M_UNKNOWN'])
    expect(house.peer.received.at(-1)?.path).toMatch(/make_join/)
  })

  it('does not decide what is sent but for its place in the room', async () => {
    const room = roomWith({
      make: ({ event }) => ({
        room_version: '11',
        event: { ...event, origin_server_ts: 1, content: { membership: 'join', displayname: 'Eve', extra: true } },
      }),
    })
    expect(await join(room)).toEqual([200, undefined])
    const sent = room.stateEvent('m.room.member', bob.userId)
    expect(sent?.event.content).toEqual({ membership: 'join', displayname: 'bob' })
    expect(sent?.event.originServerTs).toBeGreaterThan(1_000_000_000_000)
  })
})

describe('a refusal', () => {
  it.each<readonly [status: number, errcode: string, told: readonly [number, string]]>([
    [400, 'COM.EXAMPLE.NOT_TODAY', [400, 'COM.EXAMPLE.NOT_TODAY']],
    [400, 'M_GUEST_ACCESS_FORBIDDEN', [400, 'M_GUEST_ACCESS_FORBIDDEN']],
    // The request of this server was wrong, not the deed of the user.
    [400, 'M_INVALID_PARAM', [502, 'M_UNKNOWN']],
    [400, 'M_MISSING_PARAM', [502, 'M_UNKNOWN']],
    [400, 'M_BAD_JSON', [502, 'M_UNKNOWN']],
    // Such codes say something about the session of the user, which is no matter of the other server.
    [400, 'M_UNKNOWN_TOKEN', [502, 'M_UNKNOWN']],
    [400, 'M_USER_LOCKED', [502, 'M_UNKNOWN']],
    [401, 'M_UNAUTHORIZED', [502, 'M_UNKNOWN']],
    [400, 'no such code', [502, 'M_UNKNOWN']],
    [400, 'M'.repeat(500), [502, 'M_UNKNOWN']],
  ])('of %s with %s is passed on where it is about the user', async (status, errcode, told) => {
    const room = house.peer.createRoom({ version: '11' })
    const handler: PeerHandler = () => ({ status, json: { errcode, error: 'Not today' } })
    house.peer.on('GET', `${V1}/make_join/:roomId/:userId`, handler)
    expect(await join(room)).toEqual(told)
  })
})

describe('an answer to a join that lets nobody in', () => {
  it.each<readonly [string, (answer: Json, room: PeerRoom) => unknown]>([
    ['nothing', () => ({})],
    ['a list', () => []],
    [
      'no create event',
      (answer) => ({
        ...answer,
        state: answer.state.filter(({ type }: Json) => type !== 'm.room.create'),
        auth_chain: answer.auth_chain.filter(({ type }: Json) => type !== 'm.room.create'),
      }),
    ],
    ['a create event with a forged signature', (answer) => withForged(answer, 'm.room.create')],
    [
      'no join rules',
      (answer) => ({
        ...answer,
        state: answer.state.filter(({ type }: Json) => type !== 'm.room.join_rules'),
        auth_chain: answer.auth_chain.filter(({ type }: Json) => type !== 'm.room.join_rules'),
      }),
    ],
    [
      'the room of somebody else',
      (answer) => {
        const other = house.peer.createRoom({ version: '11' })
        return { ...answer, state: other.history(other.heads).map(({ pdu }) => pdu), auth_chain: [] }
      },
    ],
    ['a state without its members', (answer) => ({ ...answer, members_omitted: true })],
  ])('has %s', async (_, ofJoin) => {
    const room = roomWith({ join: ofJoin })
    expect(await join(room)).toEqual([502, 'M_UNKNOWN'])
    expect((await bob.sync()).rooms.join[room.roomId]).toBeUndefined()
    expect(await outcome(bob.request('GET', `/v3/rooms/${enc(room.roomId)}/state`))).toEqual([403, 'M_FORBIDDEN'])
  })

  it('ends in the middle', async () => {
    const room = roomWith({})
    house.peer.on('PUT', `${V2}/send_join/:roomId/:eventId`, ({ text }, response) => {
      const whole = JSON.stringify(joinAnswer(house.peer, room, JSON.parse(text)))
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(whole.slice(0, whole.length / 2))
      return undefined
    })
    expect(await join(room)).toEqual([502, 'M_UNKNOWN'])
    // The room can be joined when its server has recovered.
    serveRoom(house.peer, room)
    expect(await join(room)).toEqual([200, undefined])
  })
})

describe('an answer to a join that has more than belongs there', () => {
  it('lets in, without what is forged or was not allowed', async () => {
    const room = roomWith({
      join: (answer, of) => {
        const stranger = of.build({
          type: 'm.room.topic',
          stateKey: '',
          sender: '@stranger:peer.example',
          content: { topic: 'Taken over' },
        })
        const named = of.build({ type: 'm.room.name', stateKey: '', content: { name: 'Forged' } })
        return {
          ...answer,
          state: [...answer.state, stranger.pdu, { ...named.pdu, origin_server_ts: 5 }, 'no event', { type: 1 }, null],
        }
      },
    })
    expect(await join(room)).toEqual([200, undefined])
    const types = ((await bob.get(`/v3/rooms/${enc(room.roomId)}/state`)) as Json[]).map(({ type }) => type)
    expect(types).toContain('m.room.create')
    expect(types).not.toContain('m.room.topic')
    expect(types).not.toContain('m.room.name')
  })
})

const withForged = (answer: Json, type: string): Json => {
  const forge = (pdu: Json): Json => (pdu.type === type ? { ...pdu, origin_server_ts: pdu.origin_server_ts + 1 } : pdu)
  return { ...answer, state: answer.state.map(forge), auth_chain: answer.auth_chain.map(forge) }
}

describe('an invite that is none', () => {
  const invite = async (changes: {
    readonly version?: string
    readonly event?: (pdu: Json) => Json
    readonly state?: unknown
    readonly path?: string
  }) => {
    const room = house.peer.createRoom({ version: changes.version ?? '11' })
    const { eventId, pdu } = room.build({
      type: 'm.room.member',
      stateKey: bob.userId,
      content: { membership: 'invite' },
    })
    const { status, body } = await house.peer.request(HOME, {
      method: 'PUT',
      uri: `${V2}/invite/${enc(room.roomId)}/${enc(changes.path ?? eventId)}`,
      body: {
        room_version: room.version.id,
        event: (changes.event ?? ((same) => same))(pdu),
        invite_room_state: changes.state,
      } as JsonObject,
    })
    return { room, answer: [status, body.errcode], body }
  }
  const invites = async (): Promise<readonly string[]> => Object.keys((await bob.sync()).rooms.invite)

  it.each<readonly [string, Parameters<typeof invite>[0]]>([
    ['is a join', { event: (pdu) => ({ ...pdu, content: { membership: 'join' } }) }],
    ['is for a user of another server', { event: (pdu) => ({ ...pdu, state_key: '@eve:other-peer.example' }) }],
    ['is by a user of another server', { event: (pdu) => ({ ...pdu, sender: '@eve:other-peer.example' }) }],
    ['is of another room', { event: (pdu) => ({ ...pdu, room_id: '!other:peer.example' }) }],
    ['has another id', { path: '$other' }],
    ['has a forged signature', { event: (pdu) => ({ ...pdu, depth: pdu.depth + 1 }) }],
    [
      'has a content that was not hashed',
      { event: (pdu) => ({ ...pdu, content: { ...pdu.content, is_direct: true } }) },
    ],
    ['comes with a state that is no list', { state: 'state' }],
    ['comes without a create event, in version 12', { version: '12', state: [] }],
    [
      'comes with a create event of another room, in version 12',
      {
        version: '12',
        get state() {
          return [house.peer.createRoom({ version: '12' }).stateEvent('m.room.create')?.pdu]
        },
      },
    ],
    [
      'comes with stripped events, in version 12',
      {
        version: '12',
        state: [{ type: 'm.room.create', state_key: '', sender: '@resident:peer.example', content: {} }],
      },
    ],
  ])('%s', async (_, changes) => {
    expect((await invite(changes)).answer).toEqual([400, 'M_INVALID_PARAM'])
    expect(await invites()).toEqual([])
  })

  it('is no canonical JSON', async () => {
    const event = (pdu: Json): Json => ({ ...pdu, content: { ...pdu.content, fraction: 1.5 } })
    expect((await invite({ event })).answer).toEqual([400, 'M_BAD_JSON'])
    expect(await invites()).toEqual([])
  })

  it('lacks its room, in version 12, or is of a version that nobody knows', async () => {
    expect((await invite({ version: '12' })).answer).toEqual([400, 'M_MISSING_PARAM'])
    const { status, body } = await house.peer.request(HOME, {
      method: 'PUT',
      uri: `${V2}/invite/${enc('!a:peer.example')}/${enc('$a')}`,
      body: { room_version: '9999', event: {}, invite_room_state: [] },
    })
    expect([status, body.errcode]).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
  })

  it('does not break what is shown, whatever it says of its room', async () => {
    const { room, body } = await invite({
      state: [
        'text',
        null,
        {},
        { type: 'm.room.name', state_key: '', sender: 'nobody', content: { name: 'No' } },
        { type: 'm.room.topic', state_key: '', sender: '@a:peer.example', content: 'text' },
        { type: 'm.room.avatar', state_key: 7, sender: '@a:peer.example', content: {} },
        { type: 'm.room.name', state_key: '', sender: '@a:peer.example', content: { name: 'Yes' } },
        ...Array.from({ length: 300 }, (_, index) => ({
          type: `org.example.${index}`,
          state_key: '',
          sender: '@a:peer.example',
          content: { text: 'x'.repeat(2_000) },
        })),
      ],
    })
    expect(Object.keys(body.event.signatures).sort()).toEqual([HOME, PEER])
    const sync = await bob.sync()
    const { events } = sync.rooms.invite[room.roomId].invite_state
    expect(events[0]).toEqual({
      ...{ type: 'm.room.name', state_key: '', sender: '@a:peer.example' },
      content: { name: 'Yes' },
    })
    expect(JSON.stringify(events).length).toBeLessThan(140_000)
    expect(events.at(-1)).toMatchObject({ state_key: bob.userId, content: { membership: 'invite' } })
    await bob.leave(room.roomId)
    expect(await invites()).toEqual([])
  })
})

it('what is sent while a join is under way is not lost', async () => {
  const room = house.peer.createRoom({ version: '11' })
  serveRoom(house.peer, room)
  let sent: Promise<unknown> = Promise.resolve()
  let eventId = ''
  house.peer.on('PUT', `${V2}/send_join/:roomId/:eventId`, async ({ text }) => {
    const answer = joinAnswer(house.peer, room, JSON.parse(text))
    const early = room.send({ type: 'm.room.message', content: { msgtype: 'm.text', body: 'Welcome' } })
    eventId = early.eventId
    sent = house.peer.sendTransaction(HOME, [early.pdu])
    // The event is on its way for sure when the answer is given.
    await house.peer.get(HOME, `${V1}/version`)
    return reply(answer)
  })
  const { next_batch: since } = await bob.sync()
  expect(await join(room)).toEqual([200, undefined])
  await sent
  await bob.syncUntil(since, ({ rooms }) =>
    rooms?.join?.[room.roomId]?.timeline.events.some(({ event_id }: Json) => event_id === eventId),
  )
})
