import { SendNotice } from '#domain'
import { writers } from '#store'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import type { Ground } from '../ground/ground.ts'
import { turnsOf } from '../ground/turns.ts'
import { noticesUser } from '../personal/personal.ts'
import type { RoomsDomain } from '../rooms/rooms.ts'

export const buildNotices = (
  ground: Ground,
  { accounts }: Pick<BuiltAccounts, 'accounts'>,
  { creation, sending }: Pick<RoomsDomain, 'creation' | 'sending'>,
): SendNotice => {
  const { store } = ground
  return new SendNotice({
    ...{ accounts, creation, sending, writers, commit: store.commit },
    speaker: noticesUser(ground.config),
    reader: {
      noticeRoom: (user) => store.noticeRooms.noticeRoom(user),
      roomByRoomId: (roomId) => store.rooms.roomByRoomId(roomId),
      membership: (room, userId) => store.rooms.membership(room, userId),
    },
    turns: turnsOf(ground, 'notice-turn'),
  })
}
