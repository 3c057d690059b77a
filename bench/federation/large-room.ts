import { buildEvent, type SigningKey } from '#rules'
import { type EventId, type JsonObject, ROOM_VERSIONS, type RoomId, type UserId } from '#spec'
import { PeerRoom } from '../../test/support/federation-peer/peer-room.ts'

/** A room of many people on a server that answers from memory. */
export interface LargeRoom {
  readonly roomId: RoomId
  readonly version: string
  /** The texts of the PDUs of the state, without their members' own auth chain. */
  readonly state: readonly string[]
  readonly stateIds: readonly EventId[]
  readonly authChain: readonly string[]
  readonly authChainIds: readonly EventId[]
  /** All events by id. */
  readonly pdus: ReadonlyMap<EventId, string>
  /** The newest event, and its depth. */
  readonly head: { readonly eventId: EventId; readonly depth: number }
  /** The events that a join of anybody cites. */
  readonly joinAuth: readonly EventId[]
}

const VERSION = '11'

/** Signed events one after the other: its founding, `members` joins, and other entries up to `entries` in all. */
export const largeRoom = (key: SigningKey, members: number, entries: number): LargeRoom => {
  const version = ROOM_VERSIONS.get(VERSION)
  if (version === undefined) throw new Error(`no room version ${VERSION}`)
  const founded = PeerRoom.create({ key, version: VERSION })
  const { roomId, sender } = founded
  const pdus = new Map<EventId, string>()
  const stateIds: EventId[] = []
  for (const { eventId, pdu } of founded.events.values()) {
    pdus.set(eventId, JSON.stringify(pdu))
    stateIds.push(eventId)
  }
  const entry = (type: string, stateKey = ''): EventId => founded.stateEvent(type, stateKey)?.eventId as EventId
  const [create, levels, rules] = [entry('m.room.create'), entry('m.room.power_levels'), entry('m.room.join_rules')]
  const byCreator = [create, levels, entry('m.room.member', sender)]
  let [head] = founded.heads
  let depth = founded.events.size
  const add = (
    type: string,
    stateKey: string,
    by: string,
    authEvents: readonly EventId[],
    content: JsonObject,
  ): void => {
    const built = buildEvent(
      version,
      {
        ...{ roomId, type, stateKey, content, authEvents },
        sender: by as UserId,
        originServerTs: Date.now(),
        depth: ++depth,
        prevEvents: [head as EventId],
        redacts: undefined,
      },
      key,
    )
    if (!built.ok) throw new Error(JSON.stringify(built.failure))
    head = built.value.eventId
    pdus.set(head, built.value.json)
    stateIds.push(head)
  }
  for (let made = 1; made < members; made++) {
    const userId = `@member${made}:${key.serverName}`
    const content = { membership: 'join', displayname: `Member ${made}`, avatar_url: `mxc://${key.serverName}/${made}` }
    add('m.room.member', userId, userId, [create, levels, rules], content)
  }
  while (stateIds.length < entries)
    add('org.example.entry', `entry ${stateIds.length}`, sender, byCreator, { text: 'a value of the length of some' })
  const authChainIds = [create, levels, rules, entry('m.room.member', sender)]
  const textOf = (eventId: EventId): string => pdus.get(eventId) as string
  return {
    ...{ roomId, version: VERSION, stateIds, authChainIds, pdus },
    state: stateIds.map(textOf),
    authChain: authChainIds.map(textOf),
    head: { eventId: head as EventId, depth },
    joinAuth: [create, levels, rules],
  }
}
