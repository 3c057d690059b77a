import type { Clock } from '#base'
import { MatrixError, type RoomId, type UserId } from '#spec'
import type { RoomNumber, RoomRecordsReader, RoomStateReader } from '#store'
import type { RoomSummaries, SummarisedRoom } from '../directory/room-summaries.ts'
import {
  formatHierarchyPlace,
  type HierarchyPlace,
  MAX_DEPTH,
  MAX_VISITED,
  parseHierarchyPlace,
} from './hierarchy-token.ts'
import { type SpaceChild, spaceChildren } from './space-children.ts'

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
/** UTF-16 units after which a page ends: a space may have hundreds of children. */
const PAGE_LENGTH = 1024 * 1024
/** More than one space has children, so that each page gets on. */
const MAX_LOOKED_AT = 1_000
/** Rooms of which a page asks whether the user may see them. */
const MAX_ASKED = 100

export interface HierarchyParts {
  readonly reader: RoomRecordsReader & RoomStateReader
  readonly summaries: Pick<RoomSummaries, 'find'>
  readonly clock: Clock
}

/**
 * The rooms of a space and of the spaces in it, depth first, each once (`GET /rooms/{roomId}/hierarchy`). The work for a page is bounded, and so is a whole
 * walk: to `MAX_VISITED` rooms.
 */
export class Hierarchy {
  readonly #parts: HierarchyParts

  constructor(parts: HierarchyParts) {
    this.#parts = parts
  }

  /** A page as JSON text. Throws `M_FORBIDDEN` for a space that the user may not see, `M_INVALID_PARAM` for a token that does not fit the request. */
  async page(request: HierarchyRequest, userId: UserId): Promise<string> {
    const root = await this.#parts.summaries.find(request.roomId, userId)
    if (root === undefined) throw new MatrixError('M_FORBIDDEN', 'You may not see this room, or it does not exist')
    const place = placeOf(request, root.record.room)
    const limit = Math.min(request.limit ?? MAX_ROOMS, MAX_ROOMS)
    const walk = new Walk(this.#parts, { userId, limit, place })
    if (request.from === undefined) await walk.enter(root)
    else await walk.resume()
    const next = (await walk.run()) ? `,"next_batch":"${walk.token()}"` : ''
    return `{"rooms":[${walk.texts.join()}]${next}}`
  }
}

const placeOf = ({ suggestedOnly, maxDepth, from }: HierarchyRequest, root: RoomNumber): HierarchyPlace => {
  const asked = { suggestedOnly, maxDepth: Math.min(maxDepth ?? MAX_DEPTH, MAX_DEPTH) }
  if (from === undefined) return { ...asked, path: [root], visited: new Set() }
  const place = parseHierarchyPlace(from)
  if (place === undefined || place.path[0] !== root)
    throw new MatrixError('M_INVALID_PARAM', 'Not a token of this space')
  if (place.suggestedOnly !== asked.suggestedOnly || place.maxDepth !== asked.maxDepth)
    throw new MatrixError('M_INVALID_PARAM', 'suggested_only and max_depth must stay as they were')
  return place
}

/** A space whose children are being visited. */
interface Level {
  readonly room: RoomNumber
  readonly children: Iterator<SpaceChild>
}

/** One page's part of a walk. */
class Walk {
  readonly texts: string[] = []
  readonly #parts: HierarchyParts
  readonly #userId: UserId
  readonly #limit: number
  readonly #place: HierarchyPlace
  readonly #visited: Set<RoomNumber>
  readonly #levels: Level[] = []
  #length = 0
  #lookedAt = 0
  #asked = 0

  constructor(
    parts: HierarchyParts,
    { userId, limit, place }: { readonly userId: UserId; readonly limit: number; readonly place: HierarchyPlace },
  ) {
    this.#parts = parts
    this.#userId = userId
    this.#limit = limit
    this.#place = place
    this.#visited = new Set(place.visited)
  }

  /** Shows a room, and goes down into it if it is a space. */
  async enter({ record: { room }, json, isSpace }: SummarisedRoom): Promise<void> {
    this.#visited.add(room)
    const children = isSpace ? await this.#childrenOf(room) : []
    const text = `${JSON.stringify(json).slice(0, -1)},"children_state":[${children.map((child) => child.text).join()}]}`
    this.texts.push(text)
    this.#length += text.length
    if (isSpace && this.#levels.length < this.#place.maxDepth) this.#levels.push({ room, children: children.values() })
  }

  /** Goes back to where the page before ended, as far as the user may still see the spaces on the way. */
  async resume(): Promise<void> {
    for (const room of this.#place.path) {
      const record = await this.#parts.reader.room(room)
      const found = record && (await this.#parts.summaries.find(record.roomId, this.#userId))
      if (found?.isSpace !== true) return
      this.#levels.push({ room, children: (await this.#childrenOf(room)).values() })
    }
  }

  /** Returns whether there is more than the page holds. */
  async run(): Promise<boolean> {
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const { done, value: child } = level.children.next()
      if (done === true) {
        this.#levels.pop()
        continue
      }
      if (this.#visited.size >= MAX_VISITED) return false
      if (this.#lookedAt >= MAX_LOOKED_AT) return true
      this.#lookedAt += 1
      const record = await this.#parts.reader.roomByRoomId(child.roomId)
      if (record === undefined || this.#visited.has(record.room)) continue
      if (this.texts.length >= this.#limit || this.#length >= PAGE_LENGTH || this.#asked >= MAX_ASKED) return true
      this.#asked += 1
      const found = await this.#parts.summaries.find(child.roomId, this.#userId)
      if (found === undefined) this.#visited.add(record.room)
      else await this.enter(found)
    }
    return false
  }

  token(): string {
    const path = this.#levels.map(({ room }) => room)
    return formatHierarchyPlace({ ...this.#place, path, visited: this.#visited })
  }

  #childrenOf(room: RoomNumber): Promise<readonly SpaceChild[]> {
    return spaceChildren(room, this.#place.suggestedOnly, this.#parts)
  }
}
