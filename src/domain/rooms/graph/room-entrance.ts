import { type Clock, yieldToEventLoop } from '#base'
import { type EventId, type Membership, parseStateTupleKey } from '#spec'
import type { Commit, GatheredState, RoomGraphReader, RoomRecordsReader, RoomsWriter } from '#store'
import type { Rooms } from '../turns/rooms.ts'
import { storedForm } from '../turns/taken-event.ts'
import type { Outliers } from './outliers.ts'
import type { RoomEvents } from './room-events.ts'
import type { RoomEntry } from './room-graph.ts'
import type { GraphRoom } from './state-view.ts'

export interface RoomEntranceParts {
  readonly rooms: Rooms
  readonly reader: RoomGraphReader & RoomRecordsReader
  readonly writer: RoomsWriter
  readonly commit: Commit
  readonly outliers: Outliers
  readonly events: RoomEvents
  readonly clock: Clock
}

/** Entries of the state that are gathered in one commit. */
const PIECE = 200

/** Comes into a room of other servers: its state is stored in pieces, and becomes the current one in a single commit. */
export class RoomEntrances {
  readonly #parts: RoomEntranceParts

  constructor(parts: RoomEntranceParts) {
    this.#parts = parts
  }

  async enter({ roomId, version, events, state, by }: RoomEntry): Promise<void> {
    const { rooms, reader, writer, commit, outliers } = this.#parts
    const [{ room: number }] = await commit([writer.know({ roomId, version: version.id })])
    const room: GraphRoom = { room: number, roomId, version }
    await outliers.add(room, events)
    await rooms.alone(roomId, async () => {
      await this.#gather(room, state)
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
          missing: event.prevEvents.filter((eventId) => isNew || before.get(eventId)?.before === undefined),
        }),
      ])
    })
  }

  async #gather(room: GraphRoom, state: RoomEntry['state']): Promise<void> {
    const { commit, writer, clock, events } = this.#parts
    const entries = [...state]
    for (let from = 0; from === 0 || from < entries.length; from += PIECE) {
      if (from > 0) await yieldToEventLoop(clock)
      const piece = entries.slice(from, from + PIECE)
      const members = piece.filter(([key]) => parseStateTupleKey(key)?.type === 'm.room.member')
      const loaded = await events.load(
        room,
        members.map(([, eventId]) => eventId),
      )
      const isFirst = from === 0
      await commit([
        writer.gatherState({ room: room.room, isFirst, entries: piece.flatMap((one) => entryOf(one, loaded)) }),
      ])
    }
  }
}

const entryOf = (
  [key, event]: readonly [string, EventId],
  members: ReadonlyMap<EventId, { readonly content: { readonly membership?: unknown } }>,
): GatheredState['entries'] => {
  const tuple = parseStateTupleKey(key)
  if (tuple === undefined) return []
  const membership = members.get(event)?.content.membership
  return [{ ...tuple, event, ...(typeof membership === 'string' ? { membership: membership as Membership } : {}) }]
}
