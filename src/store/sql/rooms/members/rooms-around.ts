import { sql } from 'kysely'
import type { RoomNumber, UserNumber } from '../../../ports/rooms/events.ts'
import type { Db } from '../../engine/index.ts'
import { query } from '../tables.ts'

/** No row for a user whom no room has ever named. */
export const anyRoom = query((db, param: { user: UserNumber }) =>
  db.selectFrom('memberships').select('room').where('user_number', '=', param.user).limit(1),
)

interface RoomsAround {
  readonly user: UserNumber
  readonly after: number
  /** Rooms beyond this one. */
  readonly beyond: RoomNumber
}

const selectAround = query((db, param: RoomsAround & { limit: number }) =>
  db
    .selectFrom('memberships')
    .select('room')
    .where('user_number', '=', param.user)
    .where('room', '>', param.beyond)
    .where((eb) => eb.or([eb('membership', '=', sql.lit('join')), eb('position', '>', param.after)]))
    .orderBy('room')
    .limit(param.limit),
)

/** So many are read in the serving thread: most people are in fewer rooms. */
const FEW_ROOMS = 500

/** See `MembersReader.roomsAround`. */
export const readRoomsAround = async (db: Db, user: UserNumber, after: number): Promise<readonly RoomNumber[]> => {
  const first = await db.all(selectAround, { user, after, beyond: 0, limit: FEW_ROOMS })
  const rooms = first.map(({ room }) => room)
  if (first.length < FEW_ROOMS) return rooms
  const params = { user, after, beyond: rooms.at(-1) ?? 0, limit: Number.MAX_SAFE_INTEGER }
  return rooms.concat((await db.longAll(selectAround, params)).map(({ room }) => room))
}
