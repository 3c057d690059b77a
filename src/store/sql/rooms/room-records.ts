import { type Kysely, sql } from 'kysely'
import type { Extremity } from '../../ports/rooms/room-change.ts'
import type { RoomRecord } from '../../ports/rooms/room-record.ts'
import { branchesIn, newestOf } from './room-base.ts'
import type { RoomTables } from './tables.ts'

/** Selects rooms with all columns of a `RoomRecord`. */
export const selectRooms = (db: Kysely<RoomTables>) =>
  db
    .selectFrom('rooms as r')
    .leftJoin('events as newest', (join) =>
      join.on((of) => of('newest.event', '=', newestOf(of as never).select('e.event'))),
    )
    .select([
      'r.room',
      'r.room_id',
      'r.version',
      'r.sequence',
      'r.extremities',
      'r.joined_count',
      'r.invited_count',
      'r.published',
      'r.last_resolved_position',
      'r.last_removal_position',
      'r.partial_since',
      'r.state_bytes',
      'r.state_entries',
      'newest.event as newest_event',
      'newest.event_id as newest_id',
      'newest.depth as newest_depth',
    ])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom('state_log as p')
          .select('p.position')
          .whereRef('p.room', '=', 'r.room')
          .where('p.type', '=', sql.lit('m.room.policy'))
          .where('p.state_key', '=', sql.lit(''))
          .where('p.until_position', 'is', null),
      ).as('is_policed'),
    )

type RoomRow = Awaited<ReturnType<ReturnType<typeof selectRooms>['execute']>>[number]

const extremitiesOf = ({ extremities, newest_id, newest_depth }: RoomRow): readonly Extremity[] => {
  if (extremities === null)
    return newest_id === null || newest_depth === null ? [] : [{ eventId: newest_id, depth: newest_depth }]
  return branchesIn(extremities)
}

export const toRoomRecord = (row: RoomRow): RoomRecord => ({
  room: row.room,
  roomId: row.room_id,
  version: row.version,
  sequence: row.sequence,
  extremities: extremitiesOf(row),
  joinedCount: row.joined_count,
  invitedCount: row.invited_count,
  published: row.published === 1,
  policed: Boolean(row.is_policed),
  lastPosition: Math.max(row.newest_event ?? 0, row.last_resolved_position),
  lastResolvedPosition: row.last_resolved_position,
  lastRemovalPosition: row.last_removal_position,
  partialSince: row.partial_since ?? undefined,
  stateSize:
    row.state_bytes === null || row.state_entries === null
      ? undefined
      : { bytes: row.state_bytes, entries: row.state_entries },
})
