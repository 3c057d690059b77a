import { silentLogger, systemClock, systemRandom } from '#base'
import { type BuiltGraph, type RoomGraph, Rooms, roomGraph } from '#domain'
import { canonicalJson, type SigningKey, type StateMap, signingKeyFromSeed } from '#rules'
import { type EventId, type RoomId, type ServerName, stateTupleKey, type UserId } from '#spec'
import { type Store, writers } from '#store'
import {
  type PeerDraft,
  type PeerEvent,
  PeerRoom,
  type PeerRoomSetup,
} from '../../../support/federation-peer/peer-room.ts'

const MEBIBYTE = 1024 * 1024

export const keyOf = (server: string): SigningKey => {
  const seed = Buffer.alloc(32, server.length).toString('base64').replace('=', '')
  const key = signingKeyFromSeed('ed25519:1', server as ServerName, seed)
  if (!key.ok) throw new Error('the seed is no key')
  return key.value
}

export const HERE = keyOf('here.example')
export const THERE = keyOf('there.example')
/** A user of this server. */
export const ANNA = '@anna:here.example' as UserId

/** The rooms of one homeserver over a real database, as the composed one has them. */
export class GraphHouse {
  readonly store: Store
  readonly rooms: Rooms
  readonly graph: RoomGraph
  readonly joins: BuiltGraph['joins']

  constructor(store: Store) {
    this.store = store
    const common = { commit: store.commit, reader: store.rooms, writer: writers.rooms, clock: systemClock }
    this.rooms = new Rooms({
      ...{ ...common, random: systemRandom, key: HERE },
      stateLimits: { bytes: 16 * MEBIBYTE, entries: 10_000 },
      cacheLimitBytes: 16 * MEBIBYTE,
    })
    const { graph, joins } = roomGraph({
      ...common,
      ...{ rooms: this.rooms, random: systemRandom, logger: silentLogger, serverName: HERE.serverName },
      cacheLimitBytes: MEBIBYTE,
    })
    this.graph = graph
    this.joins = joins
  }

  /** Comes into the peer's room as Anna, whose join the peer's room takes too. */
  async enter(peer: PeerRoom): Promise<PeerEvent> {
    const by = peer.build({
      ...{ type: 'm.room.member', stateKey: ANNA, sender: ANNA, key: HERE },
      content: { membership: 'join' },
    })
    const state = peer.stateBefore(by.event.prevEvents)
    const events = [...peer.events.values()].map(checked)
    await this.graph.enter({ roomId: peer.roomId, version: peer.version, events, state, by: checked(by) })
    peer.add(by)
    return by
  }

  receive(peer: PeerRoom, events: readonly PeerEvent[]): ReturnType<RoomGraph['receive']> {
    return this.graph.receive(peer.roomId, events.map(checked))
  }

  /** Sends in the turn of the room, as the requests of clients do. */
  send(
    roomId: RoomId,
    draft: Omit<PeerDraft, 'sender' | 'content'> & { content?: PeerDraft['content'] },
  ): Promise<EventId> {
    return this.rooms.turn(roomId, (turn) =>
      turn.add({ sender: ANNA, type: draft.type, stateKey: draft.stateKey, content: draft.content ?? {} }),
    )
  }

  async extremities(roomId: RoomId): Promise<readonly string[]> {
    return ((await this.store.rooms.roomByRoomId(roomId))?.extremities ?? []).map(({ eventId }) => eventId).sort()
  }

  /** The current state, sorted. */
  async state(roomId: RoomId): Promise<readonly (readonly [string, string])[]> {
    const record = await this.store.rooms.roomByRoomId(roomId)
    const state = await this.store.rooms.state(record?.room ?? 0, { at: 'current' })
    return asEntries(
      new Map(state.map(({ type, stateKey, eventId }) => [stateTupleKey(type, stateKey ?? ''), eventId as EventId])),
    )
  }

  /** The current state by `type|state key`, as the peer's `stateIds`. */
  async stateIds(roomId: RoomId): Promise<Record<string, string>> {
    const record = await this.store.rooms.roomByRoomId(roomId)
    const state = await this.store.rooms.state(record?.room ?? 0, { at: 'current' })
    const entries = state.map(({ type, stateKey, eventId }): [string, string] => [`${type}|${stateKey}`, eventId])
    return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)))
  }
}

export const checked = ({ event, pdu }: PeerEvent) => {
  const json = canonicalJson(pdu)
  if (!json.ok) throw new Error(json.failure.reason)
  return { event, json: json.value }
}

export const newPeerRoom = (setup: Partial<PeerRoomSetup> = {}): PeerRoom => PeerRoom.create({ key: THERE, ...setup })

/** Sorted, for comparing. */
export const asEntries = (state: StateMap | undefined): readonly (readonly [string, string])[] =>
  [...(state ?? [])].sort(([left], [right]) => (left < right ? -1 : 1))
