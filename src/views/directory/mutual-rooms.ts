import { MatrixError, type RoomId, type UserId } from '#spec'
import type { MembersReader } from '#store'

export type MutualRoomsAnswer = {
  readonly joined: readonly RoomId[]
  readonly count: number
  readonly next_batch?: string
}

/** Rooms in one answer. */
const PAGE = 100
/** Rooms are counted up to here: the specification lets a count be inexact. */
const MAX_COUNTED = 1_000

const TOKEN = /^m(\d{1,15})$/

/** Rooms that two users are joined to (`GET /mutual_rooms`). Users who are unknown share none. */
export class MutualRooms {
  readonly #reader: Pick<MembersReader, 'mutualRooms' | 'countMutualRooms'>

  constructor({ reader }: { readonly reader: Pick<MembersReader, 'mutualRooms' | 'countMutualRooms'> }) {
    this.#reader = reader
  }

  /** Throws `M_INVALID_PARAM` for one's own user id, and for what is no token. */
  async page(own: UserId, other: UserId, from: string | undefined): Promise<MutualRoomsAnswer> {
    if (own === other) throw new MatrixError('M_INVALID_PARAM', 'That is you')
    const [, after] = from === undefined ? ['', '0'] : (TOKEN.exec(from) ?? [])
    if (after === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a batch token')
    const rooms = await this.#reader.mutualRooms(own, other, Number(after), PAGE + 1)
    const joined = rooms.slice(0, PAGE)
    const last = joined.at(-1)
    const isAll = from === undefined && rooms.length <= PAGE
    return {
      joined: joined.map(({ roomId }) => roomId),
      count: isAll ? rooms.length : await this.#reader.countMutualRooms(own, other, MAX_COUNTED),
      ...(rooms.length > PAGE && last !== undefined ? { next_batch: `m${last.room}` } : {}),
    }
  }
}
