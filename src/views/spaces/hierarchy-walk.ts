import type { Clock } from '#base'
import type { JsonObject, RoomId, ServerName, UserId } from '#spec'
import type { RoomRecordsReader, RoomServersReader, RoomStateReader } from '#store'
import type { RoomSummaries } from '../directory/room-summaries.ts'
import { formatHierarchyPlace, type HierarchyPlace, MAX_VISITED } from './hierarchy-token.ts'
import { elsewhereKey, isElsewhereKey, isHere, type SpaceElsewhere, type SpacesElsewhere } from './rooms-elsewhere.ts'
import { inOrder, spaceChildren } from './space-children.ts'

/** UTF-16 units after which a page ends: a space may have hundreds of children. */
const PAGE_LENGTH = 1024 * 1024
/** More than one space has children, so that each page gets on. */
const MAX_LOOKED_AT = 1_000
/** Rooms of which a page asks whether the user may see them. */
const MAX_ASKED = 100
/** The time after which a page asks other servers no more: rooms that only they know are left out then. */
const ELSEWHERE_MS = 15_000

/** A room that a walk comes to, and the servers that may know of it. */
interface Step {
  readonly roomId: RoomId
  readonly via: readonly ServerName[]
}

interface Child extends Step {
  readonly text: string
}

/** A room as the walk found it, here or elsewhere. */
interface Found {
  readonly key: number
  readonly json: JsonObject
  readonly isSpace: boolean
  /** For a space elsewhere that could be asked. */
  readonly elsewhere: SpaceElsewhere | undefined
}

/** A space whose children are being visited. */
interface Level {
  readonly key: number
  readonly elsewhere: SpaceElsewhere | undefined
  readonly all: readonly Child[]
  readonly children: Iterator<Child>
}

export interface HierarchyParts {
  readonly reader: RoomRecordsReader & RoomStateReader & RoomServersReader
  readonly summaries: Pick<RoomSummaries, 'find' | 'mayKnowElsewhere'>
  readonly elsewhere: SpacesElsewhere
  readonly serverName: ServerName
  readonly clock: Clock
}

/** One page's part of a walk through a space. */
export class HierarchyWalk {
  readonly texts: string[] = []
  readonly #parts: HierarchyParts
  readonly #userId: UserId
  readonly #limit: number
  readonly #place: HierarchyPlace
  readonly #visited: Set<number>
  readonly #levels: Level[] = []
  readonly #startedMs: number
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
    this.#startedMs = parts.clock.monotonicMs()
  }

  /** Begins with the root, or goes on where the page before ended. Returns whether the user may see the root. */
  async begin(root: Step, resumes: boolean): Promise<boolean> {
    const found = await this.#find(root, undefined)
    if (found === undefined) return false
    if (resumes) await this.#resume(found)
    else await this.#enter(found)
    return true
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
      const key = await this.#keyOf(child.roomId)
      if (this.#visited.has(key)) continue
      if (this.texts.length >= this.#limit || this.#length >= PAGE_LENGTH || this.#asked >= MAX_ASKED) return true
      this.#asked += 1
      const found = await this.#find(child, level.elsewhere)
      if (found === undefined) this.#visited.add(key)
      else await this.#enter(found)
    }
    return false
  }

  token(): string {
    const path = this.#levels.map(({ key }) => key)
    return formatHierarchyPlace({ ...this.#place, path, visited: this.#visited })
  }

  /** Shows a room, and goes down into it if it is a space. */
  async #enter(found: Found): Promise<void> {
    this.#visited.add(found.key)
    const all = await this.#childrenOf(found)
    const text = `${JSON.stringify(found.json).slice(0, -1)},"children_state":[${all.map((child) => child.text).join()}]}`
    this.texts.push(text)
    this.#length += text.length
    if (found.isSpace && this.#levels.length < this.#place.maxDepth) this.#push(found, all)
  }

  /** Goes back to where the page before ended, as far as the user may still see the spaces on the way. */
  async #resume(root: Found): Promise<void> {
    let found: Found | undefined = root
    for (const [depth, key] of this.#place.path.entries()) {
      if (depth > 0) found = await this.#findBelow(this.#levels[depth - 1], key)
      if (found?.isSpace !== true) return
      this.#push(found, await this.#childrenOf(found))
    }
  }

  #push({ key, elsewhere }: Found, all: readonly Child[]): void {
    this.#levels.push({ key, elsewhere, all, children: all.values() })
  }

  async #findBelow(level: Level | undefined, key: number): Promise<Found | undefined> {
    for (const child of level?.all ?? [])
      if ((await this.#keyOf(child.roomId)) === key) return this.#find(child, level?.elsewhere)
    return undefined
  }

  async #keyOf(roomId: RoomId): Promise<number> {
    const { reader, serverName } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    return record !== undefined && (await isHere(record, serverName, reader)) ? record.room : elsewhereKey(roomId)
  }

  /** undefined for a room that nobody who could be asked knows, or that the user may not see. */
  async #find(step: Step, parent: SpaceElsewhere | undefined): Promise<Found | undefined> {
    const { reader, summaries, serverName } = this.#parts
    const { roomId } = step
    const record = await reader.roomByRoomId(roomId)
    if (!(await isHere(record, serverName, reader))) return this.#findElsewhere(step, parent)
    const found = await summaries.find(roomId, this.#userId)
    if (found === undefined) return undefined
    return { key: found.record.room, json: found.json, isSpace: found.isSpace, elsewhere: undefined }
  }

  async #findElsewhere({ roomId, via }: Step, parent: SpaceElsewhere | undefined): Promise<Found | undefined> {
    const { summaries, elsewhere, clock } = this.#parts
    if (parent?.inaccessible.has(roomId) === true) return undefined
    const told = parent?.known.get(roomId)
    // A room without rooms below it needs no further question.
    const isLeaf = told !== undefined && told.json.room_type !== 'm.space'
    const hasTime = clock.monotonicMs() - this.#startedMs < ELSEWHERE_MS
    const space = isLeaf || !hasTime ? undefined : await elsewhere.space(roomId, via)
    const json = space?.json ?? told?.json
    if (json === undefined || !(await summaries.mayKnowElsewhere(roomId, json, this.#userId))) return undefined
    return { key: elsewhereKey(roomId), json, isSpace: json.room_type === 'm.space', elsewhere: space }
  }

  async #childrenOf({ key, isSpace, elsewhere }: Found): Promise<readonly Child[]> {
    if (!isSpace) return []
    const { suggestedOnly } = this.#place
    if (elsewhere !== undefined)
      return elsewhere.children.filter(({ suggested }) => suggested || !suggestedOnly).toSorted(inOrder)
    // A space elsewhere whose servers do not answer shows nothing below it.
    return isElsewhereKey(key) ? [] : spaceChildren(key, suggestedOnly, this.#parts)
  }
}
