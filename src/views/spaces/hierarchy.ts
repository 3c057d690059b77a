import { MatrixError, type RoomId, type UserId } from '#spec'
import { type HierarchyPlace, MAX_DEPTH, parseHierarchyPlace } from './hierarchy-token.ts'
import { type HierarchyParts, HierarchyWalk } from './hierarchy-walk.ts'
import { elsewhereKey, isHere, makerOf } from './rooms-elsewhere.ts'

export interface HierarchyRequest {
  readonly roomId: RoomId
  readonly suggestedOnly: boolean
  readonly limit: number | undefined
  /** undefined: as deep as a walk goes. */
  readonly maxDepth: number | undefined
  readonly from: string | undefined
}

/** Rooms on a page. */
const MAX_ROOMS = 50

/**
 * The rooms of a space and of the spaces in it, depth first, each once (`GET /rooms/{roomId}/hierarchy`). The work for a page is bounded, and so is a whole
 * walk: to `MAX_VISITED` rooms. Other servers are asked about rooms that this one cannot tell of.
 */
export class Hierarchy {
  readonly #parts: HierarchyParts

  constructor(parts: HierarchyParts) {
    this.#parts = parts
  }

  /** A page as JSON text. Throws `M_FORBIDDEN` for a space that the user may not see, `M_INVALID_PARAM` for a token that does not fit the request. */
  async page(request: HierarchyRequest, userId: UserId): Promise<string> {
    const { roomId } = request
    const { reader, serverName } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    const isOurs = await isHere(record, serverName, reader)
    const servers = record === undefined ? [] : (await reader.serversOf(record.room)).map(({ name }) => name)
    const root = { roomId, via: isOurs ? [] : [...makerOf(roomId), ...servers] }
    const place = placeOf(request, record !== undefined && isOurs ? record.room : elsewhereKey(roomId))
    const limit = Math.min(request.limit ?? MAX_ROOMS, MAX_ROOMS)
    const walk = new HierarchyWalk(this.#parts, { userId, limit, place })
    if (!(await walk.begin(root, request.from !== undefined)))
      throw new MatrixError('M_FORBIDDEN', 'You may not see this room, or it does not exist')
    const next = (await walk.run()) ? `,"next_batch":"${walk.token()}"` : ''
    return `{"rooms":[${walk.texts.join()}]${next}}`
  }
}

const placeOf = ({ suggestedOnly, maxDepth, from }: HierarchyRequest, root: number): HierarchyPlace => {
  const asked = { suggestedOnly, maxDepth: Math.min(maxDepth ?? MAX_DEPTH, MAX_DEPTH) }
  if (from === undefined) return { ...asked, path: [root], visited: new Set() }
  const place = parseHierarchyPlace(from)
  if (place === undefined || place.path[0] !== root)
    throw new MatrixError('M_INVALID_PARAM', 'Not a token of this space')
  if (place.suggestedOnly !== asked.suggestedOnly || place.maxDepth !== asked.maxDepth)
    throw new MatrixError('M_INVALID_PARAM', 'suggested_only and max_depth must stay as they were')
  return place
}
