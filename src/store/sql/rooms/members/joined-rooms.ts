import { sql } from 'kysely'
import type { UserNumber } from '../../../ports/rooms/events.ts'
import { query } from '../tables.ts'

/** The rooms whose members are told of a change of a user. */
export const joinedRooms = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('memberships')
    .select('room')
    .where('user_number', '=', param.user)
    .where('membership', '=', sql.lit('join')),
)
