import { type Clock, yieldToEventLoop } from '#base'
import type { RoomNumber } from '#store'
import { formatSyncToken, type Streams } from '#streams'
import type { StreamNews } from '../known/stream-news.ts'
import type { UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import type { InitialPresence } from './initial-presence.ts'
import type { InitialRooms, InitialRoomWant } from './initial-rooms.ts'
import { accountDataItem, receiptItems } from './stream-items.ts'
import { placeNow } from './stream-token.ts'

export interface InitialSyncParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly userRooms: UserRooms
  readonly ignored: IgnoredUsers
  readonly news: StreamNews
  readonly rooms: InitialRooms
  readonly presence: InitialPresence
}

export type InitialSyncRequest = Pick<InitialRoomWant, 'viewer' | 'limit' | 'archived'>

/** Rooms answered in one slice of the event loop. */
const ROOMS_A_SLICE = 5

/** `GET /initialSync`: everything as of one moment. `GET /events` goes on from its token. */
export class InitialSync {
  readonly #parts: InitialSyncParts

  constructor(parts: InitialSyncParts) {
    this.#parts = parts
  }

  /** The answer's JSON text. */
  async everything(request: InitialSyncRequest): Promise<string> {
    const { clock, streams, userRooms, ignored: people, news, rooms, presence } = this.#parts
    const { viewer } = request
    const now = streams.positions()
    const records = await userRooms.of(viewer)
    const ignored = await people.ignoredBy(viewer.user)
    const window = { viewer, since: undefined, now, ignored }
    const accountData = await news.accountData(window)
    const inRooms = Map.groupBy(accountData.rooms, ({ room }) => room)
    const texts: string[] = []
    const joined: RoomNumber[] = []
    let count = 0
    for (const record of records.values()) {
      const then = await rooms.membershipThen(record, { viewer, now })
      if (then === undefined) continue
      if (then.membership === 'join') joined.push(record.room)
      const text = await rooms.text({ ...request, now, ignored }, record, then, inRooms.get(record.room) ?? [])
      if (text !== undefined) texts.push(text)
      if (++count % ROOMS_A_SLICE === 0) await yieldToEventLoop(clock)
    }
    const receipts = await news.receipts(window, joined)
    return (
      `{"end":"${formatSyncToken(placeNow(now))}","rooms":[${texts.join()}],` +
      `"presence":[${await presence.ofEverybody(viewer, ignored)}],` +
      `"receipts":[${receiptItems(receipts, (room) => records.get(room)?.roomId).join()}],` +
      `"account_data":[${accountData.global.map(accountDataItem).join()}]}`
    )
  }
}
