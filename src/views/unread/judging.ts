import type { Slice, Slices } from '#base'
import type { PushEvaluator } from '#rules'
import type { JsonObject, UserId } from '#spec'
import { type EventThread, MAIN_TIMELINE, type StoredEvent, threadOf } from '#store'
import { FactsAtEvents, type FactsParts, type FactsWant, type RoomName } from './facts-at-event.ts'
import type { PushCandidates } from './push-candidates.ts'
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
  readonly upTo: number
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

  /** Judges the events with `after` < position <= `upTo`: those held, or page by page from the database. */
  async range(want: JudgingWant): Promise<Judged> {
    const { room, after, upTo, held } = want
    const range: Range = {
      ...{ want, slice: this.#parts.slices.begin(), facts: await FactsAtEvents.before(want, this.#parts) },
      ...{ notifying: [], redactions: [], examined: 0 },
    }
    if (held !== undefined) await this.#judgeAll(range, held)
    for (let from = held === undefined ? after : upTo; from < upTo; ) {
      const query = { after: from, before: upTo + 1, direction: 'forward', limit: PAGE } as const
      const page = await this.#parts.reader.timeline(room.record.room, query)
      await this.#judgeAll(range, page)
      from = page.length < PAGE ? upTo : (page.at(-1)?.position ?? upTo)
    }
    const { notifying, redactions, examined, facts } = range
    return { notifying, redactions, examined, named: facts.named }
  }

  async #judgeAll(range: Range, events: readonly StoredEvent[]): Promise<void> {
    const { want, slice, facts, notifying, redactions } = range
    for (const event of events) {
      if (event.position <= want.after || event.position > want.upTo) continue
      range.examined++
      const changing = facts.step(event)
      if (changing !== undefined) await changing
      if (event.type === 'm.room.redaction') redactions.push(event)
      const judged = this.#judge(want, facts, event)
      const found = judged instanceof Promise ? await judged : judged
      if (found !== undefined) notifying.push(found)
      if (slice.isOver()) await slice.next()
    }
  }

  #judge(
    want: JudgingWant,
    facts: FactsAtEvents,
    stored: StoredEvent,
  ): NotifyingEvent | undefined | Promise<NotifyingEvent> {
    const { sender, position, eventId, redactedBy } = stored
    if (sender === want.userId || want.ignored.has(sender) || redactedBy !== undefined) return undefined
    const candidate = this.#parts.candidates.of(stored, want.held === undefined ? 'once' : 'kept')
    const outcome = want.evaluate(candidate, facts.contextFor(sender))
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
