import type { Clock } from '#base'
import type { EventMatcher } from '#rules'
import { MatrixError, type RoomId, type UserId } from '#spec'
import {
  type EventNumber,
  type EventsReader,
  type FoundMessage,
  MAX_NARROWED,
  type MessageIndexReader,
  type RoomNumber,
  type SearchedKey,
  type StoredEvent,
} from '#store'
import type { Erasures } from '../events/erasures.ts'
import { filterable } from '../events/filterable.ts'
import { relatedFilter } from '../events/related-filter.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { RoomVisibility } from '../known/room-visibility.ts'
import type { Visibility } from '../known/visibility.ts'
import { rankOf } from './ranking.ts'
import type { SearchScope } from './scope.ts'
import type { NarrowGroup } from './token.ts'

/** The most texts that are looked at, and ranked against each other, as one block. */
export const BLOCK = 250
/** A user in more rooms than a question can name: texts of other rooms are looked at too, so many at most. */
const WALKED = 4_000
const READ_AT_ONCE = 100

export interface FindingsParts {
  readonly index: MessageIndexReader
  readonly reader: EventsReader
  readonly visibility: Visibility
  readonly erasures: Pick<Erasures, 'shownTo'>
  readonly clock: Clock
}

export interface Wanted {
  readonly words: readonly string[]
  readonly keys: readonly SearchedKey[]
  readonly scope: SearchScope
  readonly senders: readonly string[] | undefined
  readonly group: NarrowGroup | undefined
  readonly viewer: RoomViewer
}

/** A result. Ranks are in `RANK_UNITS`. */
export interface Finding {
  readonly event: StoredEvent
  readonly rank: number
}

export interface Block {
  /** Newest first. */
  readonly events: readonly StoredEvent[]
  /** All texts after this number were looked at; 0: there are no others. */
  readonly after: EventNumber
}

/** How one user sees one room. */
export interface RoomSight {
  readonly visibility: RoomVisibility
  readonly upTo: number | undefined
}

/** Finds texts, a block at a time, and of these what one user may see. Made for one answer. */
export class Findings {
  readonly #parts: FindingsParts
  readonly #wanted: Wanted
  readonly #sights = new Map<RoomNumber, RoomSight | undefined>()
  #senders: Promise<readonly number[] | undefined> | undefined

  constructor(parts: FindingsParts, wanted: Wanted) {
    this.#parts = parts
    this.#wanted = wanted
  }

  /** The block before that number; with `after`, one that was cut before, which ends there. */
  async block(before: EventNumber, after: EventNumber | undefined): Promise<Block> {
    const { rooms } = this.#wanted.scope
    const inRooms = this.#roomsAsked()
    const isWide = inRooms.length > MAX_NARROWED
    const limit = isWide ? WALKED : BLOCK
    const senders = await this.#sendersAsked()
    if (senders?.length === 0 || inRooms.length === 0) return { events: [], after: 0 }
    const { words, keys } = this.#wanted
    const found = await this.#parts.index.found({
      ...{ words, keys, before, limit, after: after ?? 0 },
      rooms: isWide ? undefined : inRooms,
      senders,
    })
    const inScope = found.filter(({ room }) => rooms.has(room)).slice(0, BLOCK)
    const isAll = found.length < limit && inScope.length < BLOCK
    // All that were walked over, or those up to the last one taken.
    const oldest = (inScope.length < BLOCK ? found.at(-1) : inScope.at(-1))?.event ?? 1
    return { events: await this.#seen(inScope), after: after ?? (isAll ? 0 : oldest - 1) }
  }

  /** The events with their ranks. */
  async ranked(events: readonly StoredEvent[]): Promise<readonly Finding[]> {
    if (events.length === 0) return []
    const texts = await this.#parts.index.texts(events.map(({ event }) => event))
    return events.map((event) => ({ event, rank: rankOf(texts.get(event.event), this.#wanted.words) }))
  }

  /** The room's visibility for the viewer; undefined where they may not read it. */
  async sightOf(roomId: RoomId, room: RoomNumber): Promise<RoomSight | undefined> {
    if (!this.#sights.has(room)) this.#sights.set(room, await this.#look(roomId, room))
    return this.#sights.get(room)
  }

  #roomsAsked(): readonly RoomNumber[] {
    const { group, scope } = this.#wanted
    const all = [...scope.rooms.keys()]
    return group?.key === 'room_id' ? all.filter((room) => room === group.number) : all
  }

  /** Numbers of the senders asked for; undefined: anybody, or more than a question names. */
  #sendersAsked(): Promise<readonly number[] | undefined> {
    const { group, senders } = this.#wanted
    if (group?.key === 'sender') return Promise.resolve([group.number])
    if (senders === undefined || senders.length > MAX_NARROWED) return Promise.resolve(undefined)
    this.#senders ??= this.#parts.index.numbersOf(senders as readonly UserId[])
    return this.#senders
  }

  /** Keeps the events that the viewer may see, in the order of `found`. */
  async #seen(found: readonly FoundMessage[]): Promise<readonly StoredEvent[]> {
    const { scope, viewer } = this.#wanted
    const read = await this.#read(found.filter((one) => passes(scope.matcher, one)))
    const related = relatedFilter(scope.matcher, this.#parts.reader)
    await related.learn(read)
    const events = read.filter((event) => related.passes(event))
    const visible = new Set(await this.#visible(events))
    const shown = await this.#parts.erasures.shownTo(viewer.userId, [...visible])
    return events.filter((event) => visible.has(event) && shown(event) === event)
  }

  /** Reads events a few at a time, as each may be large: their answers come in turns of their own. */
  async #read(found: readonly FoundMessage[]): Promise<readonly StoredEvent[]> {
    const reads: Promise<readonly StoredEvent[]>[] = []
    for (let start = 0; start < found.length; start += READ_AT_ONCE) {
      const ids = found.slice(start, start + READ_AT_ONCE).map(({ eventId }) => eventId)
      reads.push(this.#parts.reader.events(ids))
    }
    return (await Promise.all(reads)).flat()
  }

  async #visible(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    const { matcher } = this.#wanted.scope
    const inRooms = [...Map.groupBy(events, ({ room }) => room)]
    await this.#lookTogether(inRooms.map(([room]) => room))
    const sights: (readonly [RoomSight, readonly StoredEvent[]])[] = []
    for (const [room, ofRoom] of inRooms) {
      const sight = await this.sightOf(ofRoom[0]?.roomId as RoomId, room)
      if (sight !== undefined) sights.push([sight, ofRoom])
    }
    await RoomVisibility.learnTogether(sights.map(([{ visibility }, ofRoom]) => [visibility, ofRoom]))
    return sights.flatMap(([sight, ofRoom]) =>
      ofRoom.filter((event) => isShown(event, sight) && matcher.event(filterable(event))),
    )
  }

  /** Looks at the rooms that the viewer is in, which may be many, all at once. */
  async #lookTogether(rooms: readonly RoomNumber[]): Promise<void> {
    const { viewer, scope } = this.#wanted
    const joined = rooms.filter((room) => scope.joined.has(room) && !this.#sights.has(room))
    if (joined.length === 0) return
    for (const [room, visibility] of await this.#parts.visibility.inJoinedRooms(joined, viewer))
      this.#sights.set(room, { visibility, upTo: undefined })
  }

  async #look(roomId: RoomId, room: RoomNumber): Promise<RoomSight | undefined> {
    const { visibility } = this.#parts
    const { viewer } = this.#wanted
    try {
      const { upTo } = await visibility.access(roomId, viewer.userId)
      return { upTo, visibility: await visibility.inRoom(room, viewer) }
    } catch (error) {
      // Left, and forgotten or removed meanwhile.
      if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') return undefined
      throw error
    }
  }
}

/** Type and sender alone, before the event is read. */
const passes = (matcher: EventMatcher, { type, sender }: FoundMessage): boolean =>
  matcher.type(type) && matcher.sender(sender)

const isShown = (event: StoredEvent, { upTo, visibility }: RoomSight): boolean =>
  event.redactedBy === undefined && (upTo === undefined || event.position <= upTo) && visibility.mayShow(event)
