import type { Positions, ToldPositions } from '#streams'
import type { RoomViewer } from '../events/viewer.ts'
import { roomSetOf, type StreamNews } from '../known/stream-news.ts'
import type { Window } from '../known/window.ts'
import type { PresenceVisibility } from '../presence/presence-visibility.ts'
import type { StreamScope } from './scope.ts'
import { accountDataItem, presenceItems, receiptItems, roomAccountDataItem, typingItem } from './stream-items.ts'

export interface OtherItemsParts {
  readonly news: StreamNews
  readonly presenceVisibility: PresenceVisibility
}

/** Streams besides that of room events, in the order in which they are answered. */
export const OTHER_STREAMS = ['accountData', 'receipts', 'typing', 'presence'] as const
export type OtherStream = (typeof OTHER_STREAMS)[number]

export interface OtherItemsWant {
  readonly viewer: RoomViewer
  readonly scope: StreamScope
  /** Whether the stream is that of one room. */
  readonly ofOneRoom: boolean
  readonly since: ToldPositions
  readonly now: Positions
}

export interface Items {
  readonly texts: readonly string[]
  /** Ends a wait. One's own presence does not, as the request itself may have changed it. */
  readonly isNews: boolean
}

const NOTHING: Items = { texts: [], isNews: false }

/** The items of an event stream that are no room events. */
export class OtherItems {
  readonly #parts: OtherItemsParts

  constructor(parts: OtherItemsParts) {
    this.#parts = parts
  }

  async of(stream: OtherStream, want: OtherItemsWant): Promise<Items> {
    if (want.since[stream] >= want.now[stream]) return NOTHING
    const { viewer, scope } = want
    const window: Window = { viewer, since: want.since, now: want.now, ignored: scope.ignored }
    switch (stream) {
      case 'accountData':
        return itemsOf(await this.#accountData(window, scope))
      case 'receipts': {
        const receipts = await this.#parts.news.receipts(window, scope.present)
        return itemsOf(receiptItems(receipts, (room) => scope.rooms.get(room)?.roomId))
      }
      case 'typing':
        return itemsOf(this.#typing(window, scope))
      case 'presence':
        return this.#presence(want)
    }
  }

  async #accountData(window: Window, { rooms }: StreamScope): Promise<readonly string[]> {
    const changed = await this.#parts.news.accountData(window)
    const inRooms = changed.rooms.flatMap((entry) => {
      const roomId = rooms.get(entry.room)?.roomId
      return roomId === undefined ? [] : [roomAccountDataItem(roomId, entry)]
    })
    return [...changed.global.map(accountDataItem), ...inRooms]
  }

  /** See `StreamNews.typingIn`. */
  typingIn(present: readonly number[]): readonly number[] {
    const among = new Set(present)
    return this.#parts.news.typingIn((room) => among.has(room), [])
  }

  #typing(window: Window, { rooms, present }: StreamScope): readonly string[] {
    return [...this.#parts.news.typing(window, roomSetOf(present))].flatMap(([room, userIds]) => {
      const roomId = rooms.get(room)?.roomId
      return roomId === undefined ? [] : [typingItem(roomId, userIds)]
    })
  }

  async #presence({ viewer, scope, ofOneRoom, since, now }: OtherItemsWant): Promise<Items> {
    const entries = await this.#parts.presenceVisibility.changed({
      viewer,
      rooms: scope.present,
      // The stream of one room has the presence of its members alone.
      lists: !ofOneRoom,
      after: since.presence,
      upTo: now.presence,
    })
    return {
      texts: presenceItems(entries, scope.ignored, viewer),
      isNews: entries.some(({ userId }) => userId !== viewer.userId),
    }
  }
}

const itemsOf = (texts: readonly string[]): Items => ({ texts, isNews: texts.length > 0 })
