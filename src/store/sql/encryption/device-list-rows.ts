import type { UserNumber } from '../../ports/rooms/events.ts'
import { insertInto, type Tx } from '../engine/index.ts'
import { query } from './tables.ts'

/** Older changes of a user say nothing that these do not. */
const CHANGES_KEPT = 50

const insertChange = insertInto('device_list_changes', {
  position: 'integer',
  user_number: 'integer',
  own_only: 'integer',
})
const joinedRooms = query((db, param: { user: UserNumber }) =>
  db.selectFrom('memberships').select('room').where('user_number', '=', param.user).where('membership', '=', 'join'),
)
const oldestKept = query((db, param: { user: UserNumber; kept: number }) =>
  db
    .selectFrom('device_list_changes')
    .select('position')
    .where('user_number', '=', param.user)
    .orderBy('position', 'desc')
    .limit(1)
    .offset(param.kept),
)
const deleteOlder = query((db, param: { user: UserNumber; upTo: number }) =>
  db.deleteFrom('device_list_changes').where('user_number', '=', param.user).where('position', '<=', param.upTo),
)

/** The streams that a write which calls `recordChange` declares. */
export const DEVICE_LISTS = ['deviceLists'] as const

/** Says that keys of the user changed: to everybody who shares a room with them, or to the user alone. */
export const recordChange = async (tx: Tx, user: UserNumber, to: 'sharers' | 'self'): Promise<void> => {
  const position = tx.next('deviceLists', 1)
  await tx.insertMany(insertChange, [{ position, user_number: user, own_only: to === 'self' ? 1 : 0 }])
  const superseded = await tx.first(oldestKept, { user, kept: CHANGES_KEPT })
  if (superseded !== undefined) await tx.run(deleteOlder, { user, upTo: superseded.position })
  const rooms = to === 'self' ? [] : (await tx.all(joinedRooms, { user })).map(({ room }) => room)
  tx.announce({ stream: 'deviceLists', position, rooms, users: [user] })
}
