import { sql } from 'kysely'
import type { UserNumber } from '../../../ports/rooms/events.ts'
import type { RoomsAround } from '../../../ports/rooms/members.ts'
import { query } from '../tables.ts'

/** No row for a user whom no room has ever named. */
export const anyRoom = query((db, param: { user: UserNumber }) =>
  db.selectFrom('memberships').select('room').where('user_number', '=', param.user).limit(1),
)

/** See `MembersReader.roomsAround`. */
export const roomsAround = query((db, param: RoomsAround) =>
  db
    .selectFrom('memberships')
    .select('room')
    .where('user_number', '=', param.user)
    .where('room', '>', param.beyond)
    .where((eb) => eb.or([eb('membership', '=', sql.lit('join')), eb('position', '>', param.after)]))
    .orderBy('room')
    .limit(param.limit),
)
