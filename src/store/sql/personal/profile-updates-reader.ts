import type { RoomId, UserId } from '#spec'
import type { ProfileUpdatesReader } from '../../ports/personal/profile-updates.ts'
import type { RoomNumber, UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver, type UserTables } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'
import type { ProfileUpdateTables } from './profile-updates-writes.ts'

const query = queriesOver<ProfileUpdateTables & UserTables & RoomTables>()

const updates = query((db, param: { limit: number }) =>
  db
    .selectFrom('profile_updates as p')
    .select(['p.user_number as user', 'p.change', 'p.done_room as doneRoom', 'p.field'])
    // Not joined: nearly always the table is empty, of which a planner with statistics of other tables knows nothing, and both would begin with all users.
    .select((of) =>
      of.selectFrom('users as u').select('u.user_id').whereRef('u.user_number', '=', 'p.user_number').as('user_id'),
    )
    .orderBy('p.user_number')
    .limit(param.limit),
)
const joinedAfter = query((db, param: { user: UserNumber; doneRoom: RoomNumber; limit: number }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('rooms as r', 'r.room', 'm.room')
    .select(['m.room', 'r.room_id'])
    .where('m.user_number', '=', param.user)
    .where('m.room', '>', param.doneRoom)
    .where('m.membership', '=', 'join')
    .orderBy('m.room')
    .limit(param.limit),
)

export const profileUpdatesReader = (db: Db): ProfileUpdatesReader => ({
  profileUpdates: async (limit) =>
    (await db.all(updates, { limit })).map(({ user_id, field, ...rest }) => ({
      ...rest,
      userId: user_id as UserId,
      field: field === '' ? undefined : field,
    })),
  roomsToUpdate: async ({ user, doneRoom }, limit) =>
    (await db.all(joinedAfter, { user, doneRoom, limit })).map(({ room, room_id }) => ({
      room,
      roomId: room_id as RoomId,
    })),
})
