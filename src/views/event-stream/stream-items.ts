import type { RoomId, UserId } from '#spec'
import type { AccountDataEntry, Receipt, RoomAccountDataEntry } from '#store'
import { accountDataText, receiptsText } from '../sync/room-sections.ts'

/** What is no room event, in the form of the event stream: with `room_id` beside `type` and `content`, where it belongs to a room. */

const inRoom = (roomId: RoomId, text: string): string => `{"room_id":${JSON.stringify(roomId)},${text.slice(1)}`

export const typingItem = (roomId: RoomId, userIds: readonly UserId[]): string =>
  JSON.stringify({ room_id: roomId, type: 'm.typing', content: { user_ids: userIds } })

/** One `m.receipt` for each room. */
export const receiptItems = (receipts: readonly Receipt[], roomIdOf: (room: number) => RoomId | undefined): string[] =>
  [...Map.groupBy(receipts, ({ room }) => room)].flatMap(([room, ofRoom]) => {
    const roomId = roomIdOf(room)
    return roomId === undefined ? [] : [inRoom(roomId, receiptsText(ofRoom))]
  })

export const accountDataItem = (entry: AccountDataEntry): string => accountDataText(entry)

export const roomAccountDataItem = (roomId: RoomId, entry: RoomAccountDataEntry): string =>
  inRoom(roomId, accountDataText(entry))
