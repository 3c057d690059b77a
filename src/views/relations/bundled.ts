import type { EventId, UserId } from '#spec'
import type { EventNumber, EventsReader, RelatedEvent, RelationsReader, RoomNumber, StoredEvent, Stretch } from '#store'
import { type Bundle, type BundleSource, type Bundles, NO_BUNDLES } from '../events/bundle.ts'
import type { EventsViewer } from '../events/event-texts.ts'
import { relationOf } from '../events/relation-of.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import { type VisibleStretches, WHOLE } from '../known/visible-stretches.ts'

export interface BundledParts {
  readonly relations: RelationsReader
  readonly events: Pick<EventsReader, 'events'>
  readonly stretches: VisibleStretches
  readonly ignored: Pick<IgnoredUsers, 'ignoredBy'>
}

/** References that are listed; a client that needs more pages through `/relations`. */
const MAX_REFERENCES = 100
/** Events asked about at once, and read at once: each may have 64 KiB. */
const ASKED_AT_ONCE = 200
const READ_AT_ONCE = 50

interface Thread {
  readonly count: number
  readonly latest: EventNumber
  readonly participated: boolean
}

/** One room's part of a question: who asks, and how much of the room they see. */
interface Asked {
  readonly room: RoomNumber
  readonly viewer: EventsViewer
  readonly ignored: readonly UserId[]
  /** Newest first. */
  readonly stretches: readonly Stretch[]
}

/**
 * Bundles relations with events, as one reader may know them: without redacted events, without those of ignored users, without what the reader may not see. A few
 * statements for all events of a page and room, one where nothing relates to any of them.
 */
export class Bundled implements BundleSource {
  readonly #parts: BundledParts

  constructor(parts: BundledParts) {
    this.#parts = parts
  }

  async of(events: readonly StoredEvent[], viewer: EventsViewer): Promise<Bundles> {
    const related: RelatedEvent[] = []
    for (const some of slicesOf(events, ASKED_AT_ONCE))
      related.push(...(await this.#parts.relations.relatedAmong(some.map(({ eventId }) => eventId))))
    if (related.length === 0) return NO_BUNDLES
    const byId = new Map(events.map((event) => [event.eventId, event]))
    const found = new Map(related.map((about) => [about.eventId, about]))
    const rooms = Map.groupBy(
      [...found.keys()].flatMap((eventId) => byId.get(eventId) ?? []),
      ({ room }) => room,
    )
    const ignored = [...(await this.#parts.ignored.ignoredBy(viewer.user))]
    const bundles = new Map<EventId, Bundle>()
    for (const [room, ofRoom] of rooms) {
      const oldest = ofRoom.reduce((first, { position }) => Math.min(first, position), Number.MAX_SAFE_INTEGER)
      const stretches = await this.#parts.stretches.beyond(room, viewer.userId, oldest)
      if (stretches.length === 0) continue
      for (const [eventId, bundle] of await this.#inRoom({ room, viewer, ignored, stretches }, ofRoom, found))
        bundles.set(eventId, bundle)
    }
    return bundles
  }

  async #inRoom(asked: Asked, events: readonly StoredEvent[], found: ReadonlyMap<EventId, RelatedEvent>) {
    const roots = events.filter(
      (event) => found.get(event.eventId)?.thread !== undefined && relationOf(event) === undefined,
    )
    const threads = await this.#threads(asked, roots, found)
    const latest = await this.#byNumber([...threads.values()].map(({ latest: event }) => event))
    const originals = events.filter((event) => found.get(event.eventId)?.edited === true && isReplaceable(event))
    const edits = await this.#edits(
      asked,
      [...originals, ...latest.values()].map(({ eventId }) => eventId),
    )
    const referenced = events.filter(({ eventId }) => found.get(eventId)?.referenced === true)
    const references = await this.#references(
      asked,
      referenced.map(({ eventId }) => eventId),
    )
    const replaceable = new Set(originals.map(({ eventId }) => eventId))
    const bundles = new Map<EventId, Bundle>()
    for (const { eventId } of events) {
      const thread = threads.get(eventId)
      const newest = thread && latest.get(thread.latest)
      const bundle: Bundle = {
        edit: replaceable.has(eventId) ? edits.get(eventId) : undefined,
        thread:
          thread === undefined || newest === undefined
            ? undefined
            : { ...thread, latest: newest, latestEdit: edits.get(newest.eventId) },
        references: references.get(eventId) ?? [],
      }
      if (bundle.edit !== undefined || bundle.thread !== undefined || bundle.references.length > 0)
        bundles.set(eventId, bundle)
    }
    return bundles
  }

  /** The number of replies is kept up to date by thread and by sender; only for a reader who does not see all of them are they counted. */
  async #threads(asked: Asked, events: readonly StoredEvent[], found: ReadonlyMap<EventId, RelatedEvent>) {
    const threads = new Map<EventId, Thread>()
    if (events.length === 0) return threads
    const { room, viewer, ignored, stretches } = asked
    const roots = events.map(({ eventId }) => eventId)
    const isWhole = stretches[0] === WHOLE
    const senders = isWhole ? [viewer.userId, ...ignored] : [viewer.userId]
    const replies = Map.groupBy(await this.#parts.relations.repliesOf(room, roots, senders), ({ root }) => root)
    const counts = isWhole ? await this.#countsOfAll(asked, roots, found, replies) : await this.#countsIn(asked, roots)
    for (const { eventId, sender } of events) {
      const count = counts.get(eventId)
      if (count === undefined || count.count <= 0) continue
      const hasReplied = replies.get(eventId)?.some((reply) => reply.sender === viewer.userId) === true
      threads.set(eventId, { ...count, participated: sender === viewer.userId || hasReplied })
    }
    return threads
  }

  async #countsOfAll(
    { room, viewer, ignored }: Asked,
    roots: readonly EventId[],
    found: ReadonlyMap<EventId, RelatedEvent>,
    replies: ReadonlyMap<
      EventId,
      readonly { readonly sender: UserId; readonly replies: number; readonly latest: number }[]
    >,
  ): Promise<ReadonlyMap<EventId, Omit<Thread, 'participated'>>> {
    const counts = new Map<EventId, Omit<Thread, 'participated'>>()
    const unsure: EventId[] = []
    for (const root of roots) {
      const thread = found.get(root)?.thread
      if (thread === undefined) continue
      const hidden = replies.get(root)?.filter(({ sender }) => sender !== viewer.userId) ?? []
      const count = hidden.reduce((left, { replies: number }) => left - number, thread.replies)
      counts.set(root, { count, latest: thread.latest })
      if (hidden.some(({ latest }) => latest === thread.latest)) unsure.push(root)
    }
    if (unsure.length === 0) return counts
    for (const { root, latest } of await this.#parts.relations.latestWithout(room, unsure, ignored))
      counts.set(root, { count: counts.get(root)?.count ?? 0, latest })
    return counts
  }

  async #countsIn({ room, ignored, stretches }: Asked, roots: readonly EventId[]) {
    const counts = new Map<EventId, Omit<Thread, 'participated'>>()
    for (const stretch of stretches) {
      for (const { root, replies, latest } of await this.#parts.relations.repliesIn(room, roots, ignored, stretch)) {
        const newer = counts.get(root)
        counts.set(root, { count: (newer?.count ?? 0) + replies, latest: newer?.latest ?? latest })
      }
    }
    return counts
  }

  /** By the original. "The most recent" is the one with the latest time; of several, the one with the last id. */
  async #edits({ stretches }: Asked, originals: readonly EventId[]): Promise<ReadonlyMap<EventId, StoredEvent>> {
    const newest = new Map<EventId, { readonly eventId: EventId; readonly originServerTs: number }>()
    let left = originals
    for (const stretch of stretches) {
      if (left.length === 0) break
      for (const { original, ...edit } of await this.#parts.relations.replacements(left, stretch)) {
        const held = newest.get(original)
        if (held === undefined || isLater(edit, held)) newest.set(original, edit)
      }
      left = left.filter((eventId) => !newest.has(eventId))
    }
    const ids = [...newest.values()].map(({ eventId }) => eventId)
    const edits = new Map<EventId, StoredEvent>()
    for (const some of slicesOf(ids, READ_AT_ONCE))
      for (const event of await this.#parts.events.events(some)) edits.set(event.eventId, event)
    const byOriginal = new Map<EventId, StoredEvent>()
    for (const [original, { eventId }] of newest) {
      const edit = edits.get(eventId)
      // It may have been redacted in between.
      if (edit !== undefined && edit.redactedBy === undefined) byOriginal.set(original, edit)
    }
    return byOriginal
  }

  async #references({ stretches, ignored }: Asked, targets: readonly EventId[]) {
    const references = new Map<EventId, EventId[]>()
    const hidden = new Set(ignored)
    for (const stretch of targets.length === 0 ? [] : stretches) {
      const found = await this.#parts.relations.references(targets, stretch, MAX_REFERENCES)
      const shown = Map.groupBy(
        found.filter(({ sender }) => !hidden.has(sender)),
        ({ target }) => target,
      )
      for (const [target, older] of shown) {
        const ids = [...older.map(({ eventId }) => eventId), ...(references.get(target) ?? [])]
        references.set(target, ids.slice(-MAX_REFERENCES))
      }
    }
    return references
  }

  async #byNumber(numbers: readonly EventNumber[]): Promise<ReadonlyMap<EventNumber, StoredEvent>> {
    const events = new Map<EventNumber, StoredEvent>()
    for (const some of slicesOf(numbers, READ_AT_ONCE))
      for (const event of await this.#parts.relations.eventsByNumber(some)) events.set(event.event, event)
    return events
  }
}

const slicesOf = <Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))

interface Edit {
  readonly eventId: EventId
  readonly originServerTs: number
}

const isLater = (one: Edit, other: Edit): boolean =>
  one.originServerTs === other.originServerTs ? one.eventId > other.eventId : one.originServerTs > other.originServerTs

/** "Validity of replacement events": no state, and no replacement itself. A redacted event stays as it is. */
const isReplaceable = (event: StoredEvent): boolean =>
  event.stateKey === undefined && event.redactedBy === undefined && relationOf(event)?.relType !== 'm.replace'
