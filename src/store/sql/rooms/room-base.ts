import type { ExpressionBuilder } from 'kysely'
import type { EventId } from '#spec'
import { WriteConflict } from '../../ports/engine/change.ts'
import { isInHistory } from '../../ports/rooms/events.ts'
import {
  type Extremity,
  headOf,
  type NewStoredEvent,
  type RoomBase,
  type RoomChange,
} from '../../ports/rooms/room-change.ts'
import type { Tx } from '../engine/index.ts'
import { query, type RoomTables } from './tables.ts'

/** The inside of a query over the room `r`. */
export type RoomExpression = ExpressionBuilder<RoomTables & { readonly r: RoomTables['rooms'] }, 'r'>

/** The newest event of the timeline of the room `r`: one step into its index. */
export const newestOf = ({ selectFrom }: RoomExpression) =>
  selectFrom('events as e')
    .whereRef('e.room', '=', 'r.room')
    .where('e.position', 'is not', null)
    .orderBy('e.position', 'desc')
    .limit(1)

/** Reads the room's row and the newest event of its timeline, which together say what its head is. */
const baseOfRoom = query((db, param: { room: number }) =>
  db
    .selectFrom('rooms as r')
    .select((of) => ['r.sequence', 'r.extremities', newestOf(of).select('e.event_id').as('newest')])
    .where('r.room', '=', param.room),
)

const storedAmong = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events')
    .select('event_id')
    .where('event_id', 'in', texts(param.eventIds))
    .where('room', '=', param.room),
)

/** Writes the extremities of a branched history for the room's row. */
export const branchesText = (extremities: readonly Extremity[]): string =>
  JSON.stringify(extremities.map(({ eventId, depth }) => [eventId, depth]))

/** Reads what `branchesText` wrote. */
export const branchesIn = (text: string): readonly Extremity[] => {
  const branches = JSON.parse(text) as readonly (readonly [EventId, number])[]
  return branches.map(([eventId, depth]) => ({ eventId, depth }))
}

interface BaseRow {
  readonly sequence: number
  readonly extremities: string | null
  readonly newest: EventId | null
}

/** Computes the base from a room's row and its newest event. */
export const baseIn = ({ sequence, extremities, newest }: BaseRow): StoredBase => {
  if (extremities === null) return { sequence, head: newest ?? '', linear: true }
  return { sequence, head: headOf(branchesIn(extremities)), linear: false }
}

/** The stored base, and whether the newest event of the timeline is the only extremity. */
export interface StoredBase extends RoomBase {
  readonly linear: boolean
}

/** Reads the base of a room. Throws `room-changed` if the room is gone. */
export const storedBase = async (tx: Tx, room: number): Promise<StoredBase> => {
  const row = await tx.first(baseOfRoom, { room })
  if (row === undefined) throw new WriteConflict('room-changed')
  return baseIn(row)
}

/** The compare of the compare-and-set. */
export const isBase = (stored: RoomBase, expected: RoomBase): boolean =>
  stored.sequence === expected.sequence && stored.head === expected.head

/** The references of an event that are checked. Those of outliers and refused events are not: nothing follows them. */
const references = (event: NewStoredEvent): readonly EventId[] =>
  isInHistory(event) ? [...event.prevEvents, ...event.authEvents] : []

/** The fact that an event is stored. It stays true as long as the room exists, so the writer may remember it. */
const fact = (room: number, eventId: EventId): string => `${room} ${eventId}`

/**
 * Checks that every event that a new one refers to is stored in the room, stands before it in the change, or is
 * in `missing`; the turn has promised it. Throws `dangling-reference`.
 */
export const assertReferences = async (
  tx: Tx,
  room: number,
  { events, missing = [] }: Pick<RoomChange, 'events' | 'missing'>,
  head: string,
): Promise<void> => {
  const known = new Set<string>([head, ...missing])
  const asked = new Set<EventId>()
  for (const event of events) {
    for (const eventId of references(event)) {
      if (!known.has(eventId) && !tx.knows(fact(room, eventId))) asked.add(eventId)
    }
    known.add(event.eventId)
  }
  if (asked.size === 0) return
  const stored = await tx.all(storedAmong, { room, eventIds: [...asked] })
  if (stored.length < asked.size) {
    const found = new Set(stored.map(({ event_id }) => event_id))
    const dangling = [...asked].filter((eventId) => !found.has(eventId))
    throw new WriteConflict('dangling-reference', `nothing is known of ${dangling.join(', ')}`)
  }
  for (const { event_id } of stored) tx.learn(fact(room, event_id))
}
