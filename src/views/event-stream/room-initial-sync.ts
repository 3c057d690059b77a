import type { TextPieces } from '#base'
import type { RoomId } from '#spec'
import type { Streams } from '#streams'
import type { RoomViewer } from '../events/viewer.ts'
import type { StreamNews } from '../known/stream-news.ts'
import type { IgnoredUsers, Visibility } from '../known/visibility.ts'
import type { InitialPresence } from './initial-presence.ts'
import type { RoomInfos } from './room-info.ts'
import { receiptItems } from './stream-items.ts'

export interface RoomInitialSyncParts {
  readonly streams: Streams
  readonly visibility: Visibility
  readonly ignored: IgnoredUsers
  readonly news: StreamNews
  readonly infos: RoomInfos
  readonly presence: InitialPresence
}

export interface RoomInitialSyncRequest {
  readonly roomId: RoomId
  readonly viewer: RoomViewer
  /** The most messages. */
  readonly limit: number | undefined
}

/** `GET /rooms/{roomId}/initialSync`: one room as of one moment. `GET /events` goes on from its token. */
export class RoomInitialSync {
  readonly #parts: RoomInitialSyncParts

  constructor(parts: RoomInitialSyncParts) {
    this.#parts = parts
  }

  /**
   * The answer's JSON text, made as it is sent: for former members up to where they left, for anybody where the room is `world_readable`. Throws
   * `M_FORBIDDEN`.
   */
  async ofRoom({ roomId, viewer, limit }: RoomInitialSyncRequest): Promise<TextPieces> {
    const { streams, visibility, ignored: people, news, infos, presence } = this.#parts
    const now = streams.positions()
    const { record, membership, upTo } = await visibility.access(roomId, viewer.userId)
    const { room } = record
    const end = upTo === undefined ? now.events : Math.min(upTo, now.events)
    const accountData = await news.accountDataInRoom(viewer, room)
    const want = { viewer, room, roomId, membership, now, upTo: end, limit, accountData }
    // Former members are not told the presence of those who stayed.
    if (upTo !== undefined) return { begun: [], rest: infos.pieces(want, ',"presence":[],"receipts":[]') }
    const ignored = await people.ignoredBy(viewer.user)
    const receipts = await news.receipts({ viewer, since: undefined, now, ignored }, [room])
    const more =
      `,"presence":[${await presence.inRoom(room, viewer, ignored)}],` +
      `"receipts":[${receiptItems(receipts, () => roomId).join()}]`
    return { begun: [], rest: infos.pieces(want, more) }
  }
}
