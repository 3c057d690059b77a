import type { RoomId } from '#spec'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type { NoticeRoom, NoticeRoomsReader, NoticeRoomsWriter } from '../../ports/rooms/notice-rooms.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'

interface NoticeRoomTables {
  readonly notice_rooms: { readonly user_number: number; readonly room_id: RoomId; readonly made: number }
}

const query = queriesOver<NoticeRoomTables>()

const roomOf = query((db, param: { user: UserNumber }) =>
  db.selectFrom('notice_rooms').select(['room_id', 'made']).where('user_number', '=', param.user),
)
const upsert = query((db, param: NoticeRoom & { user: UserNumber }) =>
  db
    .insertInto('notice_rooms')
    .values({ user_number: param.user, room_id: param.roomId, made: param.made })
    .onConflict((on) => on.columns(['user_number']).doUpdateSet({ room_id: param.roomId, made: param.made })),
)
const deleteOf = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('notice_rooms').where('user_number', '=', param.user),
)

const put = defineWrite('noticeRooms.put', async (tx, input: NoticeRoom & { user: UserNumber }): Promise<void> => {
  await tx.run(upsert, input)
})
const remove = defineWrite('noticeRooms.remove', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deleteOf, input)
})

export const noticeRoomWrites = [put, remove]

export const noticeRoomsWriter: NoticeRoomsWriter = {
  put: (user, room) => put({ user, ...room }),
  remove: (user) => remove({ user }),
}

export const noticeRoomsReader = (db: Db): NoticeRoomsReader => ({
  noticeRoom: async (user) => {
    const row = await db.first(roomOf, { user })
    return row === undefined ? undefined : { roomId: row.room_id, made: row.made }
  },
})
