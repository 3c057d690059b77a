import { BoundedCache, type CacheStats } from '#base'
import { type PushCandidate, type PushEvaluator, toPushCandidate } from '#rules'
import { isJsonObject, type Pdu, type RoomEvent, stringAt, type UserId } from '#spec'
import type { Receipt, ReceiptsReader, RoomNumber, RoomsReader, StoredEvent } from '#store'
import type { ClientEvents } from './client-event.ts'
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

/** What is counted: one user in one room, in one window of the streams. */
export interface UnreadQuestion {
  readonly user: { readonly userId: UserId; readonly user: number }
  readonly facts: RoomFacts
  /** Position of the user's member event: what came before it is read. */
  readonly joinedAt: number
  /** Position of the streams `events` and `receipts` that the answer is as of. */
  readonly upTo: number
  readonly receiptsUpTo: number
  /** Every event of the room, and every receipt of the user there, with a position above these; undefined: to be read. */
  readonly since: { readonly events: number; readonly receipts: number } | undefined
  readonly newEvents: readonly StoredEvent[] | undefined
  readonly newReceipts: readonly Receipt[]
}

interface UnreadEvent {
  readonly position: number
  readonly thread: string
  readonly highlight: boolean
}

/** What of a room's events notified one user and may still be unread. */
interface Ledger {
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
/** Who is further behind gets counts that stop here: nobody reads a badge of more. */
const MAX_COUNTED_EVENTS = 2_000
const PAGE = 200

/**
 * Unread counts, computed when a user asks and carried on from where they last asked: a message in a large room costs
 * nothing for members who are not there, and no read of the database for those who wait.
 */
export class Unread {
  readonly #rooms: RoomsReader
  readonly #receipts: ReceiptsReader
  readonly #rules: PushRules
  readonly #clientEvents: ClientEvents
  readonly #ledgers: BoundedCache<string, Ledger>
  /** One candidate an event, whoever reads it. */
  readonly #candidates = new WeakMap<StoredEvent, PushCandidate>()

  constructor(
    readers: { readonly rooms: RoomsReader; readonly receipts: ReceiptsReader },
    rules: PushRules,
    clientEvents: ClientEvents,
    limitBytes: number,
  ) {
    this.#rooms = readers.rooms
    this.#receipts = readers.receipts
    this.#rules = rules
    this.#clientEvents = clientEvents
    this.#ledgers = new BoundedCache({
      name: 'unread',
      limitBytes,
      sizeBytes: ({ events }) => 400 + events.length * 80,
    })
  }

  stats(): CacheStats {
    return this.#ledgers.stats()
  }

  async counts(question: UnreadQuestion): Promise<UnreadCounts> {
    const ledger = await this.#bringUp(question)
    const counts = new Map<string, { notifications: number; highlights: number }>()
    const room = { notifications: 0, highlights: 0 }
    for (const { position, thread, highlight } of ledger.events) {
      if (position > question.upTo || position <= readUpTo(ledger, thread)) continue
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

  async #bringUp(question: UnreadQuestion): Promise<Ledger> {
    const { user, facts, joinedAt } = question
    const key = `${user.user} ${facts.record.room}`
    const rules = await this.#rules.of(user)
    const held = this.#ledgers.get(key)
    const current = held?.rulesPosition === rules.position && held.joinedAt === joinedAt ? held : undefined
    const base: Ledger = {
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
    const ledger: Ledger = {
      ...base,
      upTo: Math.max(seen, question.upTo),
      events: [...unread, ...(await this.#judge(question, base.displayName, rules.evaluate, seen))],
    }
    this.#ledgers.set(key, ledger)
    return ledger
  }

  /** Where the ledger reaches the window's start, what the window brought is all there is to add. */
  async #readMarks(
    { user, facts, since, newReceipts, receiptsUpTo }: UnreadQuestion,
    held: Ledger | undefined,
  ): Promise<Pick<Ledger, 'read' | 'receiptsUpTo'>> {
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

  async #judge(
    question: UnreadQuestion,
    displayName: string | undefined,
    evaluate: PushEvaluator,
    after: number,
  ): Promise<readonly UnreadEvent[]> {
    const { user, facts, upTo, since, newEvents } = question
    if (after >= upTo) return []
    const held = since !== undefined && newEvents !== undefined && after >= since.events
    const events = held ? newEvents : await this.#unseen(facts.record.room, after, upTo)
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

  /** The newest events that were not looked at yet, oldest first. */
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

const readUpTo = ({ read, joinedAt }: Pick<Ledger, 'read' | 'joinedAt'>, thread: string): number =>
  Math.max(joinedAt, read.get(UNTHREADED) ?? 0, read.get(thread) ?? 0)

/** The root of the thread an event is in (module "Threading"). */
export const threadOf = (event: RoomEvent): string => {
  const relation = event.content['m.relates_to']
  if (!isJsonObject(relation) || relation.rel_type !== 'm.thread') return MAIN
  return stringAt(relation, 'event_id') ?? MAIN
}
