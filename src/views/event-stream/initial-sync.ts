import { type Clock, type TextPieces, yieldToEventLoop } from '#base'
import type { RoomAccountDataEntry, RoomNumber } from '#store'
import { formatSyncToken, type Streams } from '#streams'
import type { StreamNews } from '../known/stream-news.ts'
import type { RoomsOfUser, UserRooms } from '../known/user-rooms.ts'
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

  /** The answer's JSON text, made as it is sent. */
  everything(request: InitialSyncRequest): TextPieces {
    return { begun: [], rest: this.#pieces(request) }
  }

  async *#pieces(request: InitialSyncRequest): TextPieces['rest'] {
    const { streams, userRooms, ignored: people, news, presence } = this.#parts
    const { viewer } = request
    const now = streams.positions()
    const records = await userRooms.of(viewer)
    const ignored = await people.ignoredBy(viewer.user)
    const window = { viewer, since: undefined, now, ignored }
    const accountData = await news.accountData(window)
    const inRooms = Map.groupBy(accountData.rooms, ({ room }) => room)
    const joined: RoomNumber[] = []
    yield `{"end":"${formatSyncToken(placeNow(now))}","rooms":[`
    yield* this.#rooms({ ...request, now, ignored }, records, inRooms, joined)
    const receipts = await news.receipts(window, joined)
    yield `],"presence":[${await presence.ofEverybody(viewer, ignored)}],` +
      `"receipts":[${receiptItems(receipts, (room) => records.get(room)?.roomId).join()}],` +
      `"account_data":[${accountData.global.map(accountDataItem).join()}]}`
  }

  /** The members of a list. `joined` gets the rooms that the viewer is in. */
  async *#rooms(
    want: InitialRoomWant,
    records: RoomsOfUser,
    accountData: ReadonlyMap<RoomNumber, readonly RoomAccountDataEntry[]>,
    joined: RoomNumber[],
  ): TextPieces['rest'] {
    const { clock, rooms } = this.#parts
    let isFirst = true
    let count = 0
    for (const record of records.values()) {
      const then = await rooms.membershipThen(record, want)
      if (then === undefined) continue
      if (then.membership === 'join') joined.push(record.room)
      let isTold = false
      for await (const piece of rooms.pieces(want, record, then, accountData.get(record.room) ?? [])) {
        yield isTold || isFirst ? piece : `,${piece}`
        isTold = true
      }
      if (isTold) isFirst = false
      if (++count % ROOMS_A_SLICE === 0) await yieldToEventLoop(clock)
    }
  }
}
