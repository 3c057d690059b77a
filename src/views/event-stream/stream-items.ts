import type { JsonObject, RoomId, UserId } from '#spec'
import type { AccountDataEntry, Receipt, RoomAccountDataEntry } from '#store'
import { accountDataText } from '../events/account-data-text.ts'
import { type ReceiptLine, receiptsText } from '../events/receipts-text.ts'
import type { RoomViewer } from '../events/viewer.ts'
import type { PresenceEntry } from '../presence/presence-now.ts'
import { presenceText } from '../presence/presence-text.ts'

/** Items of the event stream that are no room events. Those of a room have a `room_id` beside `type` and `content`. */

const inRoom = (roomId: RoomId, text: string): string => `{"room_id":${JSON.stringify(roomId)},${text.slice(1)}`

export const typingItem = (roomId: RoomId, userIds: readonly UserId[]): string =>
  JSON.stringify({ room_id: roomId, type: 'm.typing', content: { user_ids: userIds } })

/** One `m.receipt` for each room. Each `m.read` is there a second time as `read`, its name in 2015. */
export const receiptItems = (receipts: readonly Receipt[], roomIdOf: (room: number) => RoomId | undefined): string[] =>
  [...Map.groupBy(receipts, ({ room }) => room)].flatMap(([room, ofRoom]) => {
    const roomId = roomIdOf(room)
    return roomId === undefined ? [] : [inRoom(roomId, receiptsText(ofRoom.flatMap(underBothNames)))]
  })

const underBothNames = ({ contentJson, ...receipt }: Receipt): readonly ReceiptLine[] => {
  const line = contentJson === undefined ? receipt : { ...receipt, said: JSON.parse(contentJson) as JsonObject }
  return line.type === 'm.read' ? [line, { ...line, type: 'read' }] : [line]
}

export const accountDataItem = (entry: AccountDataEntry): string => accountDataText(entry)

export const roomAccountDataItem = (roomId: RoomId, entry: RoomAccountDataEntry): string =>
  inRoom(roomId, accountDataText(entry))

export const presenceItems = (
  entries: readonly PresenceEntry[],
  ignored: ReadonlySet<UserId>,
  { form }: RoomViewer,
): string[] =>
  entries
    .filter(({ userId }) => !ignored.has(userId))
    .map((entry) => presenceText(entry, form === 'old' ? 'old' : 'stream'))
