import type { TextPieces } from '#base'
import { parseRoomEventFilter } from '#rules'
import { MatrixError, type RoomEventFilter } from '#spec'
import type { SearchedKey } from '#store'

export type GroupKey = 'room_id' | 'sender'

export interface ContextWish {
  readonly before: number
  readonly after: number
  readonly profiles: boolean
}

/** The category `room_events` of `POST /search`. */
export interface SearchRequest {
  readonly term: string
  readonly keys: readonly SearchedKey[]
  /** JSON of a `RoomEventFilter`. */
  readonly filter: string
  readonly order: 'rank' | 'recent'
  readonly context: ContextWish | undefined
  readonly includeState: boolean
  readonly groupBy: readonly GroupKey[]
  readonly nextBatch: string | undefined
}

/** Throws `M_INVALID_PARAM`. */
export const searchFilterOf = (text: string): RoomEventFilter => {
  const filter = parseRoomEventFilter(text)
  if (filter === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a filter of room events')
  return filter
}

/** The whole answer around its one category. */
export const searchAnswer = ({ begun, rest }: TextPieces): TextPieces => ({ begun, rest: around(rest) })

async function* around(rest: TextPieces['rest']): TextPieces['rest'] {
  yield '{"search_categories":{"room_events":'
  yield* rest
  yield '}}'
}
