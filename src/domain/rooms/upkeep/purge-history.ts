import { type EventId, MatrixError, type RoomId, type ServerName, serverOf } from '#spec'
import type { Commit, EventsReader, HistoryPlace, RetentionReader, RetentionWriter, RoomRecordsReader } from '#store'

export interface PurgeHistoryParts {
  readonly reader: RetentionReader
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<EventsReader, 'event' | 'positionAtTime' | 'timeline'>
  readonly writer: RetentionWriter
  readonly commit: Commit
  readonly serverName: ServerName
}

export interface HistoryToPurge {
  readonly roomId: RoomId
  /** Messages of a lower depth are removed. */
  readonly beforeDepth: number
  /** Whether messages of this server's users go, too; nobody else may have them. */
  readonly localOnes: boolean
}

/** A place in the room's history up to which it was looked at, and how much was removed. */
export interface PurgedSoFar extends HistoryPlace {
  readonly removed: number
}

const EVENTS_AT_ONCE = 100
export const NOTHING_PURGED: PurgedSoFar = { depth: -1, event: Number.MIN_SAFE_INTEGER, removed: 0 }

/** Removes old messages of a room from the database. State stays, and so do the events that later ones refer to. */
export class PurgeHistory {
  readonly #parts: PurgeHistoryParts

  constructor(parts: PurgeHistoryParts) {
    this.#parts = parts
  }

  /** The depth of an event, or of the first one that arrived at a time or later. Throws `M_NOT_FOUND`. */
  async depthOf(roomId: RoomId, upTo: { readonly eventId: EventId } | { readonly atMs: number }): Promise<number> {
    const { rooms } = this.#parts
    const record = await rooms.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found')
    if ('eventId' in upTo) {
      const event = await rooms.event(upTo.eventId)
      if (event?.room !== record.room) throw new MatrixError('M_NOT_FOUND', 'The room has no such event')
      return event.depth
    }
    const before = (await rooms.positionAtTime(record.room, upTo.atMs)) + 1
    const [last] = await rooms.timeline(record.room, { before, direction: 'backward', limit: 1 })
    if (last === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no event to be purged')
    return last.depth + 1
  }

  /** Looks at the next events and removes those that are to go. `done`: there are none left. */
  async piece(
    { roomId, beforeDepth, localOnes }: HistoryToPurge,
    from: PurgedSoFar,
  ): Promise<{ readonly reached: PurgedSoFar; readonly done: boolean }> {
    const { reader, rooms, writer, commit, serverName } = this.#parts
    const room = (await rooms.roomByRoomId(roomId))?.room
    if (room === undefined) return { reached: from, done: true }
    const page = await reader.aged(room, from, EVENTS_AT_ONCE)
    const within = page.filter(({ depth }) => depth < beforeDepth)
    const heads = await reader.heads(room)
    const old = within.filter(
      ({ event, isState, sender }) =>
        !isState && !heads.includes(event) && (localOnes || serverOf(sender) !== serverName),
    )
    const events = old.map(({ event }) => event)
    if (events.length > 0) await commit([writer.remove(room, events)])
    const last = within.at(-1)
    const reached = { ...(last === undefined ? from : { depth: last.depth, event: last.event }) }
    return {
      reached: { ...reached, removed: from.removed + old.length },
      done: within.length < page.length || page.length < EVENTS_AT_ONCE,
    }
  }
}
