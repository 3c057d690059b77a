import { type Clock, yieldToEventLoop } from '#base'
import type { StateMap } from '#rules'
import { type EventId, type JsonObject, type Membership, parseStateTupleKey, stateTupleKey } from '#spec'
import type { Commit, GatheredState, PartialRoomsReader, RoomGraphReader, RoomRecordsReader, RoomsWriter } from '#store'
import type { Rooms } from '../turns/rooms.ts'
import { storedForm } from '../turns/taken-event.ts'
import type { Outliers } from './outliers.ts'
import type { RoomEvents } from './room-events.ts'
import type { RoomEntry } from './room-graph.ts'
import { type GraphRoom, viewOf } from './state-view.ts'

export interface RoomEntranceParts {
  readonly rooms: Rooms
  readonly reader: RoomGraphReader & RoomRecordsReader & Pick<PartialRoomsReader, 'isPartial'>
  readonly writer: RoomsWriter
  readonly commit: Commit
  readonly outliers: Outliers
  readonly events: RoomEvents
  readonly clock: Clock
}

/** Events that are stored before they are let go of. */
const LET_GO_AT_ONCE = 1_000
/** Entries of the state that are gathered in one commit. */
const PIECE = 200

/** Comes into a room of other servers: its state is stored in pieces, and becomes the current one in a single commit. */
export class RoomEntrances {
  readonly #parts: RoomEntranceParts

  constructor(parts: RoomEntranceParts) {
    this.#parts = parts
  }

  async enter({ roomId, version, events, state, by, partial }: RoomEntry): Promise<void> {
    const { rooms, reader, writer, commit, outliers } = this.#parts
    const [{ room: number }] = await commit([writer.know({ roomId, version: version.id })])
    const room: GraphRoom = { room: number, roomId, version }
    // Known before the events are stored and let go: to read them all once more would cost as much memory as they did.
    const memberships = membershipsOf(events)
    while (events.length > 0) await outliers.add(room, events.splice(0, LET_GO_AT_ONCE))
    await rooms.alone(roomId, async () => {
      await this.#gather(room, state, memberships)
      const { event, json } = by
      const known = await reader.graphEvents([event.eventId, ...event.prevEvents])
      const before = new Map(known.map((one) => [one.eventId, one]))
      const own = before.get(event.eventId)
      // Where the room was known from outside alone, nobody knows the state before what is stored of it.
      const isNew = ((await reader.room(number))?.extremities.length ?? 0) === 0
      await commit([
        writer.enter({
          room: number,
          by: {
            ...storedForm(event, json),
            depth: Math.min(Math.max(event.depth, 1), Number.MAX_SAFE_INTEGER),
            placing: 'timeline',
            ...(own === undefined ? {} : { known: own.event }),
          },
          membership: event.content.membership as Membership,
          ...(partial === undefined ? {} : { partial }),
          missing: event.prevEvents.filter((eventId) => isNew || before.get(eventId)?.before === undefined),
        }),
      ])
    })
  }

  /** See `RoomGraph`. */
  async complete(room: GraphRoom, state: StateMap): Promise<boolean> {
    const { rooms, reader, writer, commit } = this.#parts
    return rooms.alone(room.roomId, async () => {
      const since = (await reader.room(room.room))?.partialSince
      if (since === undefined || !(await reader.isPartial(room.roomId))) return false
      for await (const page of reader.wholeState(room.room, viewOf({ at: since })))
        for (const { type, stateKey, eventId } of page)
          if (state.get(stateTupleKey(type, stateKey)) !== eventId) return false
      await this.#gather(room, state, new Map())
      await commit([writer.complete(room.room)])
      return true
    })
  }

  async #gather(
    room: GraphRoom,
    state: RoomEntry['state'],
    known: ReadonlyMap<EventId, Membership | undefined>,
  ): Promise<void> {
    const { commit, writer, clock, events } = this.#parts
    let isFirst = true
    for (const piece of piecesOf(state)) {
      if (!isFirst) await yieldToEventLoop(clock)
      const unknown = piece.flatMap(([key, eventId]) =>
        !known.has(eventId) && parseStateTupleKey(key)?.type === 'm.room.member' ? [eventId] : [],
      )
      const loaded = await events.load(room, unknown)
      const membershipOf = (eventId: EventId): Membership | undefined =>
        known.has(eventId) ? known.get(eventId) : membershipIn(loaded.get(eventId)?.content)
      const entries = piece.flatMap((one) => entryOf(one, membershipOf))
      await commit([writer.gatherState({ room: room.room, isFirst, entries })])
      isFirst = false
    }
  }
}

/** At least one piece, which may be empty. */
function* piecesOf(state: RoomEntry['state']): Generator<readonly (readonly [string, EventId])[]> {
  let piece: (readonly [string, EventId])[] = []
  for (const entry of state) {
    piece.push(entry)
    if (piece.length < PIECE) continue
    yield piece
    piece = []
  }
  if (piece.length > 0 || state.size === 0) yield piece
}

const membershipIn = (content: JsonObject | undefined): Membership | undefined => {
  const membership = content?.membership
  return typeof membership === 'string' ? (membership as Membership) : undefined
}

const membershipsOf = (events: RoomEntry['events']): ReadonlyMap<EventId, Membership | undefined> => {
  const memberships = new Map<EventId, Membership | undefined>()
  for (const { event } of events)
    if (event.type === 'm.room.member') memberships.set(event.eventId, membershipIn(event.content))
  return memberships
}

const entryOf = (
  [key, event]: readonly [string, EventId],
  membershipOf: (eventId: EventId) => Membership | undefined,
): GatheredState['entries'] => {
  const tuple = parseStateTupleKey(key)
  if (tuple === undefined) return []
  const membership = tuple.type === 'm.room.member' ? membershipOf(event) : undefined
  return [{ ...tuple, event, ...(membership === undefined ? {} : { membership }) }]
}
