import type { Slice, Slices, Soon } from '#base'
import { type PushEvaluator, takenBackByStored } from '#rules'
import type { JsonObject, UserId } from '#spec'
import { type EventThread, MAIN_TIMELINE, type StoredEvent, threadOf } from '#store'
import { FactsAtEvents, type FactsParts, type FactsWant, type RoomName } from './facts-at-event.ts'
import type { PushCandidates } from './push-candidates.ts'
import { isSubscribedTo, type RoomThreads } from './subscribed-threads.ts'
import type { NotifyingEvent } from './unread-events.ts'

/** Events of up to 64 KiB are read at once. */
const PAGE = 50

export interface JudgingParts extends FactsParts {
  readonly slices: Slices
  readonly candidates: PushCandidates
}

export interface JudgingWant extends FactsWant {
  readonly evaluate: PushEvaluator
  readonly ignored: ReadonlySet<UserId>
  /** The threads that the user subscribed to; undefined where no rule asks. */
  readonly threads: RoomThreads | undefined
  readonly upTo: number
  /** The events displace nothing that many readers ask for. */
  readonly once: boolean
}

export interface Judged {
  /** The events that notify the user, oldest first: none of their own, none of an ignored user, none that is redacted. */
  readonly notifying: readonly NotifyingEvent[]
  readonly redactions: readonly StoredEvent[]
  /** Number of all events that were looked at. */
  readonly examined: number
  /** The user's name after the last of them. */
  readonly named: RoomName | undefined
}

const judged = ({ notifying, redactions, examined, facts }: Range): Judged => ({
  notifying,
  redactions,
  examined,
  named: facts.named,
})

type ThreadPlace = Pick<NotifyingEvent, 'thread' | 'via'>

const placeIn = ({ thread, via }: EventThread): ThreadPlace => ({
  thread,
  via: thread === MAIN_TIMELINE ? [] : via.slice(0, -1),
})

interface Range {
  readonly want: JudgingWant
  readonly slice: Slice
  readonly facts: FactsAtEvents
  readonly notifying: NotifyingEvent[]
  readonly redactions: StoredEvent[]
  examined: number
}

/** Holds events against a user's push rules, in slices of the event loop. */
export class Judging {
  readonly #parts: JudgingParts

  constructor(parts: JudgingParts) {
    this.#parts = parts
  }

  /** Judges the events with `after` < position <= `upTo`: those held, or page by page from the database. No promise where a few are held. */
  range(want: JudgingWant): Soon<Judged> {
    const { held } = want
    if (held === undefined) return this.#pages(want)
    const facts = FactsAtEvents.before(want, this.#parts)
    if (facts instanceof Promise) return facts.then((read) => this.#range(want, read, held))
    return this.#range(want, facts, held)
  }

  #range(want: JudgingWant, facts: FactsAtEvents, held: readonly StoredEvent[]): Soon<Judged> {
    const range = this.#begin(want, facts)
    const judging = this.#judgeAll(range, held)
    return judging === undefined ? judged(range) : judging.then(() => judged(range))
  }

  async #pages(want: JudgingWant): Promise<Judged> {
    let page = await this.#page(want, want.after)
    // A short range is told by its events: nobody has to count who came and went in it.
    const held = page.length < PAGE ? page : undefined
    const range = this.#begin(want, await FactsAtEvents.before({ ...want, held }, this.#parts))
    for (;;) {
      await this.#judgeAll(range, page)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE || last.position >= want.upTo) return judged(range)
      page = await this.#page(want, last.position)
    }
  }

  #page({ room, upTo }: JudgingWant, after: number): Promise<readonly StoredEvent[]> {
    const query = { after, before: upTo + 1, direction: 'forward', limit: PAGE } as const
    return this.#parts.reader.timeline(room.record.room, query)
  }

  #begin(want: JudgingWant, facts: FactsAtEvents): Range {
    const slice = this.#parts.slices.begin()
    return { want, slice, facts, notifying: [], redactions: [], examined: 0 }
  }

  #judgeAll(range: Range, events: readonly StoredEvent[]): Promise<void> | undefined {
    for (const [index, event] of events.entries()) {
      const judging = this.#step(range, event)
      if (judging !== undefined || range.slice.isOver()) return this.#judgeRest(range, events, index, judging)
    }
    return undefined
  }

  /** From the event at `index` on, which is being judged. */
  async #judgeRest(
    range: Range,
    events: readonly StoredEvent[],
    index: number,
    first: Promise<void> | undefined,
  ): Promise<void> {
    let judging = first
    for (let next = index + 1; ; next++) {
      if (judging !== undefined) await judging
      const event = events[next]
      if (event === undefined) return
      if (range.slice.isOver()) await range.slice.next()
      judging = this.#step(range, event)
    }
  }

  #step(range: Range, event: StoredEvent): Promise<void> | undefined {
    const { want, facts } = range
    if (event.position <= want.after || event.position > want.upTo) return undefined
    range.examined++
    const changing = facts.step(event)
    return changing === undefined ? this.#add(range, event) : changing.then(() => this.#add(range, event))
  }

  #add(range: Range, event: StoredEvent): Promise<void> | undefined {
    const { want, facts, notifying, redactions } = range
    if (event.type === 'm.room.redaction' || takenBackByStored(event) !== undefined) redactions.push(event)
    const found = this.#judge(want, facts, event)
    if (found instanceof Promise)
      return found.then((notified) => {
        if (notified !== undefined) notifying.push(notified)
      })
    if (found !== undefined) notifying.push(found)
    return undefined
  }

  #judge(want: JudgingWant, facts: FactsAtEvents, stored: StoredEvent): Soon<NotifyingEvent | undefined> {
    const { sender, position, eventId, redactedBy } = stored
    if (sender === want.userId || want.ignored.has(sender) || redactedBy !== undefined) return undefined
    const candidate = this.#parts.candidates.of(stored, want.once ? 'once' : 'kept')
    if (want.threads !== undefined) {
      const { roots } = want.threads
      const context = facts.contextFor(sender, undefined)
      const judge = (place: ThreadPlace): NotifyingEvent | undefined => {
        const isSubscribed = isSubscribedTo(roots, place.thread)
        const outcome = want.evaluate(candidate, { ...context, isSubscribed })
        return outcome?.notify === true ? { position, eventId, highlight: outcome.highlight, ...place } : undefined
      }
      const place = this.#threadOf(stored, candidate.event.content)
      return place instanceof Promise ? place.then(judge) : judge(place)
    }
    const outcome = want.evaluate(candidate, facts.contextFor(sender, undefined))
    if (outcome?.notify !== true) return undefined
    const verdict = { position, eventId, highlight: outcome.highlight }
    const thread = this.#threadOf(stored, candidate.event.content)
    return thread instanceof Promise ? thread.then((found) => ({ ...verdict, ...found })) : { ...verdict, ...thread }
  }

  /** No promise for an event that says its thread itself. */
  threadOf(stored: StoredEvent): ThreadPlace | Promise<ThreadPlace> {
    return this.#threadOf(stored, this.#parts.clientEvents.content(stored))
  }

  #threadOf({ room }: StoredEvent, content: JsonObject): ThreadPlace | Promise<ThreadPlace> {
    const found = threadOf({ room, content }, this.#parts.reader)
    return found instanceof Promise ? found.then(placeIn) : placeIn(found)
  }
}
