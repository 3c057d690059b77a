import { sql } from 'kysely'
import type { RoomNumber, UserNumber } from '../../../ports/rooms/events.ts'
import type { RoomsAround } from '../../../ports/rooms/members.ts'
import type { Db } from '../../engine/index.ts'
import { query } from '../tables.ts'

/** No row for a user whom no room has ever named. */
export const anyRoom = query((db, param: { user: UserNumber }) =>
  db.selectFrom('memberships').select('room').where('user_number', '=', param.user).limit(1),
)

/** The rooms of a page as one text: a row for each costs three times as much, and this is read for people in thousands. */
const aroundText = query((db, param: RoomsAround) =>
  db
    .selectFrom(
      db
        .selectFrom('memberships')
        .select('room')
        .where('user_number', '=', param.user)
        .where('room', '>', param.beyond)
        .where((eb) => eb.or([eb('membership', '=', sql.lit('join')), eb('position', '>', param.after)]))
        .orderBy('room')
        .limit(param.limit)
        .as('page'),
    )
    .select(sql<string | null>`string_agg(cast(room as text), ',')`.as('rooms')),
)

/** See `MembersReader.roomsAround`. */
export const roomsAround = async (db: Db, page: RoomsAround): Promise<readonly RoomNumber[]> => {
  const rooms = JSON.parse(`[${(await db.first(aroundText, page))?.rooms ?? ''}]`) as RoomNumber[]
  // An aggregate need not keep the order.
  return rooms.sort((one, other) => one - other)
}
