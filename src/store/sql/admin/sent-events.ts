import type { UserId } from '#spec'
import type { SentEventsReader } from '../../ports/admin/sent-events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

const query = queriesOver<RoomTables>()

/** Events of a room that one page looks at. */
const LOOKED_AT = 20_000

const endOfStretch = query((db, param: { room: number; before: number; skipped: number }) =>
  db
    .selectFrom('events')
    .select('position')
    .where('room', '=', param.room)
    .where('position', 'is not', null)
    .where('position', '<', param.before)
    .orderBy('position', 'desc')
    .limit(1)
    .offset(param.skipped),
)
const sentBetween = query((db, param: { room: number; sender: UserId; from: number; before: number; limit: number }) =>
  db
    .selectFrom('events as e')
    .select(['e.event_id', 'e.position', 'e.origin_server_ts'])
    .where('e.room', '=', param.room)
    .where('e.position', 'is not', null)
    .where('e.position', '>=', param.from)
    .where('e.position', '<', param.before)
    .where('e.sender', '=', (of) =>
      of.selectFrom('users as u').select('u.user_number').where('u.user_id', '=', param.sender),
    )
    .where('e.redacted_by', 'is', null)
    .where('e.type', '<>', 'm.room.redaction')
    .where((of) => of.or([of('e.state_key', 'is', null), of('e.type', '=', 'm.room.member')]))
    .orderBy('e.position', 'desc')
    .limit(param.limit),
)

const invitesOf = query((db, param: { userId: UserId; sinceMs: number }) =>
  db
    .selectFrom('users as u')
    .innerJoin('memberships as m', 'm.user_number', 'u.user_number')
    .innerJoin('state_log as s', 's.room', 'm.room')
    .innerJoin('events as e', 'e.event', 's.event')
    .select((of) => of.fn.countAll<number>().as('count'))
    .where('u.user_id', '=', param.userId)
    .where('s.type', '=', 'm.room.member')
    .where('s.membership', '=', 'invite')
    .whereRef('e.sender', '=', 'u.user_number')
    .where('e.origin_server_ts', '>=', param.sinceMs),
)
const joinedRoomsOf = query((db, param: { userId: UserId; sinceMs: number }) =>
  db
    .selectFrom('users as u')
    .innerJoin('memberships as m', 'm.user_number', 'u.user_number')
    .innerJoin('state_log as s', (on) => on.onRef('s.room', '=', 'm.room').onRef('s.state_key', '=', 'u.user_id'))
    .innerJoin('events as e', 'e.event', 's.event')
    .select((of) => of.fn.count<number>('s.room').distinct().as('count'))
    .where('u.user_id', '=', param.userId)
    .where('s.type', '=', 'm.room.member')
    .where('s.membership', '=', 'join')
    .where('e.origin_server_ts', '>=', param.sinceMs),
)

export const sentEventsReader = (db: Db): SentEventsReader => ({
  sentBy: async ({ room, sender, before, limit }) => {
    const [end] = await db.longAll(endOfStretch, { room, before, skipped: LOOKED_AT - 1 })
    const from = end?.position ?? 0
    const rows = await db.longAll(sentBetween, { room, sender, from, before, limit })
    const events = rows.map((row) => ({
      eventId: row.event_id,
      position: row.position ?? 0,
      originServerTs: row.origin_server_ts,
    }))
    const last = events.at(-1)
    if (last !== undefined && events.length === limit) return { events, next: last.position }
    return { events, next: end === undefined ? undefined : from }
  },
  countInvites: async (userId, sinceMs) => Number((await db.longAll(invitesOf, { userId, sinceMs }))[0]?.count ?? 0),
  countJoinedRooms: async (userId, sinceMs) =>
    Number((await db.longAll(joinedRoomsOf, { userId, sinceMs }))[0]?.count ?? 0),
})
