import { BoundedCache, type CacheStats } from '#base'
import { type PushCandidate, type PushEvaluator, toPushCandidate } from '#rules'
import { isJsonObject, type Pdu, type RoomEvent, stringAt, type UserId } from '#spec'
import type { EventsReader, Receipt, ReceiptsReader, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import type { PushRules } from './push-rules.ts'
import type { RoomFacts } from './room-facts.ts'

/** `notification_count` and `highlight_count`. */
export interface UnreadCount {
  readonly notifications: number
  readonly highlights: number
}

export interface UnreadCounts {
  /** The whole room, threads included. */
  readonly room: UnreadCount
  /** The main timeline alone, and each thread by its root's id. */
  readonly main: UnreadCount
  readonly threads: ReadonlyMap<string, UnreadCount>
}

/** Asks for the counts of one user in one room, in one window of the streams. */
export interface UnreadQuestion {
  readonly user: { readonly userId: UserId; readonly user: number }
  readonly facts: RoomFacts
  /** Position of the user's member event: what came before it is read. */
  readonly joinedAt: number
  /** Position in the stream of events up to which is counted. */
  readonly upTo: number
  readonly receiptsUpTo: number
  /** `newEvents` and `newReceipts` hold everything of the room above these positions; undefined: they are to be read. */
  readonly since: { readonly events: number; readonly receipts: number } | undefined
  readonly newEvents: readonly StoredEvent[] | undefined
  readonly newReceipts: readonly Receipt[]
}

interface UnreadEvent {
  readonly position: number
  readonly thread: string
  readonly highlight: boolean
}

/** The events of a room that notified one user and may still be unread. */
interface UnreadState {
  readonly rulesPosition: number
  readonly upTo: number
  readonly events: readonly UnreadEvent[]
  /** How far the user has read, by thread; `''` for receipts without one. */
  readonly read: ReadonlyMap<string, number>
  readonly receiptsUpTo: number
  readonly displayName: string | undefined
  readonly joinedAt: number
}

const MAIN = 'main'
const UNTHREADED = ''
/** Counts stop here: nobody reads a badge of more. */
const MAX_COUNTED_EVENTS = 2_000
const PAGE = 200

export interface UnreadParts {
  readonly rooms: EventsReader & RoomStateReader
  readonly receipts: ReceiptsReader
  readonly pushRules: PushRules
  readonly clientEvents: ClientEvents
  readonly limitBytes: number
}

/**
 * Unread counts, computed when a user asks and carried on from where they last asked: a message in a large room costs
 * nothing for absent members, and no read of the database for those who wait.
 */
export class Unread {
  readonly #rooms: EventsReader & RoomStateReader
  readonly #receipts: ReceiptsReader
  readonly #rules: PushRules
  readonly #clientEvents: ClientEvents
  readonly #states: BoundedCache<string, UnreadState>
  /** One candidate for each event, shared by its readers. */
  readonly #candidates = new WeakMap<StoredEvent, PushCandidate>()

  constructor({ rooms, receipts, pushRules, clientEvents, limitBytes }: UnreadParts) {
    this.#rooms = rooms
    this.#receipts = receipts
    this.#rules = pushRules
    this.#clientEvents = clientEvents
    this.#states = new BoundedCache({
      name: 'unread',
      limitBytes,
      sizeBytes: ({ events }) => 400 + events.length * 80,
    })
  }

  stats(): CacheStats {
    return this.#states.stats()
  }

  async counts(question: UnreadQuestion): Promise<UnreadCounts> {
    const state = await this.#bringUp(question)
    const counts = new Map<string, { notifications: number; highlights: number }>()
    const room = { notifications: 0, highlights: 0 }
    for (const { position, thread, highlight } of state.events) {
      if (position > question.upTo || position <= readUpTo(state, thread)) continue
      const own = counts.get(thread) ?? { notifications: 0, highlights: 0 }
      counts.set(thread, own)
      for (const count of [own, room]) {
        count.notifications++
        if (highlight) count.highlights++
      }
    }
    const main = counts.get(MAIN) ?? { notifications: 0, highlights: 0 }
    counts.delete(MAIN)
    return { room, main, threads: counts }
  }

  async #bringUp(question: UnreadQuestion): Promise<UnreadState> {
    const { user, facts, joinedAt } = question
    const key = `${user.user} ${facts.record.room}`
    const rules = await this.#rules.of(user)
    const held = this.#states.get(key)
    const current = held?.rulesPosition === rules.position && held.joinedAt === joinedAt ? held : undefined
    const base: UnreadState = {
      rulesPosition: rules.position,
      joinedAt,
      displayName:
        current === undefined ? await this.#displayName(facts.record.room, user.userId) : current.displayName,
      upTo: current?.upTo ?? joinedAt,
      events: current?.events ?? [],
      ...(await this.#readMarks(question, current)),
    }
    const everywhere = readUpTo(base, UNTHREADED)
    const unread = base.events.filter(({ position }) => position > everywhere)
    const seen = Math.max(base.upTo, everywhere)
    const judged = await this.#judgeAfter(question, { ...base, upTo: seen, events: unread }, rules.evaluate)
    const state: UnreadState = { ...base, upTo: Math.max(seen, question.upTo), events: judged }
    this.#states.set(key, state)
    return state
  }

  /** If the state reaches the window's start, only events of the window are added. */
  async #readMarks(
    { user, facts, since, newReceipts, receiptsUpTo }: UnreadQuestion,
    held: UnreadState | undefined,
  ): Promise<Pick<UnreadState, 'read' | 'receiptsUpTo'>> {
    const continues = held !== undefined && since !== undefined && held.receiptsUpTo >= since.receipts
    const receipts = continues ? newReceipts : await this.#receipts.ofUser(user.user, [facts.record.room])
    if (continues && receipts.length === 0)
      return { read: held.read, receiptsUpTo: Math.max(held.receiptsUpTo, receiptsUpTo) }
    const read = new Map(continues ? held.read : [])
    for (const { userId, threadId = UNTHREADED, eventPosition } of receipts) {
      if (userId === user.userId) read.set(threadId, Math.max(read.get(threadId) ?? 0, eventPosition))
    }
    return { read, receiptsUpTo }
  }

  /** The unread events so far, and those of the new ones that notify. */
  async #judgeAfter(
    question: UnreadQuestion,
    base: UnreadState,
    evaluate: PushEvaluator,
  ): Promise<readonly UnreadEvent[]> {
    const { facts, upTo, since, newEvents } = question
    if (base.upTo >= upTo) return base.events
    const held = since !== undefined && newEvents !== undefined && base.upTo >= since.events
    const events = held ? newEvents : await this.#unseen(facts.record.room, base.upTo, upTo)
    const isRedacting = events.some(({ position, type }) => position > base.upTo && type === 'm.room.redaction')
    if (!isRedacting || base.events.length === 0)
      return [...base.events, ...this.#judge(question, { ...base, evaluate }, events)]
    // A redacted event may have been counted, so everything is judged again.
    const after = readUpTo(base, UNTHREADED)
    const all = await this.#unseen(facts.record.room, after, upTo)
    return this.#judge(question, { ...base, evaluate, upTo: after }, all)
  }

  #judge(
    question: UnreadQuestion,
    { displayName, evaluate, upTo: after }: Pick<UnreadState, 'displayName' | 'upTo'> & { evaluate: PushEvaluator },
    events: readonly StoredEvent[],
  ): readonly UnreadEvent[] {
    const { user, facts, upTo } = question
    const context = {
      userId: user.userId,
      displayName,
      memberCount: facts.record.joinedCount,
      notificationPowerLevels: facts.notificationLevels,
    }
    const unread: UnreadEvent[] = []
    for (const stored of events) {
      const { position, sender } = stored
      if (position <= after || position > upTo || sender === user.userId || stored.redactedBy !== undefined) continue
      const candidate = this.#candidate(stored)
      const outcome = evaluate(candidate, { ...context, senderPowerLevel: facts.levels.ofUser(sender) })
      if (outcome?.notify === true)
        unread.push({ position, thread: threadOf(candidate.event), highlight: outcome.highlight })
    }
    return unread
  }

  #candidate(stored: StoredEvent): PushCandidate {
    const known = this.#candidates.get(stored)
    if (known !== undefined) return known
    const candidate = toPushCandidate(this.#clientEvents.roomEvent(stored))
    this.#candidates.set(stored, candidate)
    return candidate
  }

  /** The newest events that were not judged yet, oldest first. */
  async #unseen(room: RoomNumber, after: number, upTo: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = []
    let before = upTo + 1
    while (events.length < MAX_COUNTED_EVENTS) {
      const page = await this.#rooms.timeline(room, { after, before, direction: 'backward', limit: PAGE })
      events.push(...page)
      if (page.length < PAGE) break
      before = page.at(-1)?.position ?? before
    }
    return events.reverse()
  }

  async #displayName(room: RoomNumber, userId: UserId): Promise<string | undefined> {
    const member = await this.#rooms.stateEvent(room, 'current', 'm.room.member', userId)
    return member === undefined ? undefined : stringAt((JSON.parse(member.json) as Pdu).content, 'displayname')
  }
}

const readUpTo = ({ read, joinedAt }: Pick<UnreadState, 'read' | 'joinedAt'>, thread: string): number =>
  Math.max(joinedAt, read.get(UNTHREADED) ?? 0, read.get(thread) ?? 0)

/** Root of the thread that an event is in (module "Threading"); `main` for none. */
export const threadOf = (event: RoomEvent): string => {
  const relation = event.content['m.relates_to']
  if (!isJsonObject(relation) || relation.rel_type !== 'm.thread') return MAIN
  return stringAt(relation, 'event_id') ?? MAIN
}
