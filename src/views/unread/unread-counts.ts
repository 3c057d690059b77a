import { BoundedCache, type CacheStats, KeyedLock, type Slices, type Soon } from '#base'
import { takenBackByStored } from '#rules'
import { type Pdu, parseEventId, stringAt, type UserId } from '#spec'
import {
  type EventsReader,
  MAIN_TIMELINE,
  type Receipt,
  type ReceiptsReader,
  type RoomStateReader,
  type StoredEvent,
} from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import type { RoomName } from './facts-at-event.ts'
import type { IgnoredList, IgnoredLists } from './ignored-list.ts'
import type { JudgedRoom } from './judged-room.ts'
import { type Judged, Judging, type JudgingWant } from './judging.ts'
import type { PushCandidates } from './push-candidates.ts'
import type { PushRules, ReadyPushRules } from './push-rules.ts'
import { MAX_COUNTED_EVENTS, RoomFloors } from './room-floors.ts'
import type { RoomThreads } from './subscribed-threads.ts'
import { UnreadEvents } from './unread-events.ts'

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
  readonly facts: JudgedRoom
  /** Position of the user's newest member event in the window: a join, or a change of their profile in that room. */
  readonly memberAt: number
  /** Position in the stream of events up to which is counted. */
  readonly upTo: number
  readonly receiptsUpTo: number
  /** `newEvents` and `newReceipts` hold everything of the room above these positions; undefined: they are to be read. */
  readonly since: { readonly events: number; readonly receipts: number } | undefined
  readonly newEvents: readonly StoredEvent[] | undefined
  readonly newReceipts: readonly Receipt[]
  /** Events of the room that were read for something else: all of them after that position, up to `upTo`. */
  readonly read?: { readonly after: number; readonly events: readonly StoredEvent[] } | undefined
  /** `newReceipts` are all that the user has in the room. */
  readonly allReceipts: boolean
}

interface Verdicts {
  readonly rules: ReadyPushRules
  readonly ignored: IgnoredList
  /** undefined: no rule asks. */
  readonly threads: RoomThreads | undefined
}

interface Redacted {
  readonly isAny: boolean
  takeOut(): void
}

const NOTHING_REDACTED: Redacted = { isAny: false, takeOut: () => {} }

/** How far a user has read a room, by thread; `''` for receipts without one. */
interface ReadMarks {
  readonly read: ReadonlyMap<string, number>
  readonly receiptsUpTo: number
}

/** The state of one user's counts in one room. Only the turn of that user and room changes it. */
interface UnreadState extends ReadMarks {
  readonly rulesPosition: number
  readonly ignoredPosition: number
  readonly threadsPosition: number
  /** Position at which messages had last been removed from the room. */
  readonly removalPosition: number
  /** Position of the join with which the user's stay began: what came before is read. */
  readonly stayFrom: number
  readonly upTo: number
  /** Events up to this position do not count. */
  readonly floor: number
  /** The number of the room's events after the floor is at most this. */
  readonly examined: number
  readonly events: UnreadEvents
  /** The user's name in the room at `upTo`; undefined where nothing asked for it yet. */
  readonly named: RoomName | undefined
}

const UNTHREADED = ''
/** More redactions than these at once cost more to look up than all events cost to judge again. */
const MAX_REDACTIONS = 20

/** Messages that are judged in one go. */
const FEW = 10

export interface UnreadParts {
  readonly slices: Slices
  readonly candidates: PushCandidates
  readonly rooms: EventsReader & RoomStateReader
  readonly receipts: ReceiptsReader
  readonly pushRules: PushRules
  readonly ignored: IgnoredLists
  readonly clientEvents: ClientEvents
  readonly limitBytes: number
}

/**
 * Unread counts, computed when a user asks and carried on from where they last asked: a message in a large room costs
 * nothing for absent members, and no read of the database for those who wait. A count depends on what is stored and on nothing else: the newest
 * `MAX_COUNTED_EVENTS` events of the room since the stay began, each judged with the room as it was then and the rules as they are now.
 */
export class Unread {
  readonly #parts: UnreadParts
  readonly #judging: Judging
  readonly #states: BoundedCache<string, UnreadState>
  readonly #turns = new KeyedLock<number>()
  readonly floors: RoomFloors

  constructor(parts: UnreadParts) {
    const { rooms, limitBytes } = parts
    this.#parts = parts
    this.#judging = new Judging({ ...parts, reader: rooms })
    this.floors = new RoomFloors(rooms)
    this.#states = new BoundedCache({
      name: 'unread',
      limitBytes,
      sizeBytes: ({ events, read, named }) =>
        800 + events.sizeBytes + read.size * 200 + 2 * (named?.displayName?.length ?? 0),
    })
  }

  stats(): CacheStats {
    return this.#states.stats()
  }

  /** No promise in the usual case: a few new messages for a user who waited. */
  counts(question: UnreadQuestion): Soon<UnreadCounts> {
    const { user, facts } = question
    const key = `${user.user} ${facts.record.room}`
    const counts = this.#turns.isFree(user.user) ? this.#goneOn(question, key) : undefined
    // One turn for all rooms of a user, so that who asks for many at once does not have them judged at once.
    return counts ?? this.#turns.run(user.user, () => this.#counts(question, key))
  }

  async #counts(question: UnreadQuestion, key: string): Promise<UnreadCounts> {
    const { user } = question
    const rules = await this.#parts.pushRules.of(user)
    const verdicts = {
      rules,
      ignored: await this.#parts.ignored.listOf(user.user),
      threads: await this.#parts.pushRules.threadsFor(rules, user.user, question.facts.record.room),
    }
    const held = this.#states.get(key)
    const extended =
      held !== undefined && isUpToDate(held, question, verdicts)
        ? await this.#extended(question, held, verdicts)
        : undefined
    const state = extended ?? (await this.#loaded(question, verdicts))
    if (state !== held) this.#states.set(key, state)
    return countsIn(state, question.upTo)
  }

  /** Counts a few messages that are at hand, with rules that are at hand; undefined where it takes more. */
  #goneOn(question: UnreadQuestion, key: string): UnreadCounts | undefined {
    const { user, upTo, memberAt, since, newEvents, newReceipts, receiptsUpTo } = question
    const held = this.#states.get(key)
    if (held === undefined || since === undefined || newEvents === undefined || newEvents.length > FEW) return undefined
    if (held.upTo < since.events || memberAt > held.upTo || held.receiptsUpTo < since.receipts) return undefined
    if (newReceipts.some(({ userId }) => userId === user.userId) || newEvents.some(isMoreThanMessage)) return undefined
    const rules = this.#parts.pushRules.now(user.user)
    const ignored = this.#parts.ignored.listNow(user.user)
    if (rules === undefined || ignored === undefined) return undefined
    const threads = this.#parts.pushRules.threadsNow(rules, user.user, question.facts.record.room)
    if (threads === 'unknown') return undefined
    const verdicts = { rules, ignored, threads }
    if (!isUpToDate(held, question, verdicts) || held.examined + newEvents.length > MAX_COUNTED_EVENTS) return undefined
    const read = Math.max(held.floor, readUpTo(held, UNTHREADED))
    const after = Math.max(held.upTo, read)
    const judged = this.#judged(question, verdicts, { after, held: newEvents, named: held.named, once: false })
    if (judged instanceof Promise) {
      // It is asked for once more in the user's turn, which tells what goes wrong.
      judged.catch(() => {})
      return undefined
    }
    for (const event of judged.notifying) held.events.add(event)
    if (read > held.floor) held.events.dropUpTo(read)
    const examined = read >= held.upTo ? judged.examined : held.examined + judged.examined
    const reached = { upTo: Math.max(held.upTo, upTo), receiptsUpTo: Math.max(held.receiptsUpTo, receiptsUpTo) }
    const state = { ...held, ...reached, floor: read, examined, named: judged.named }
    this.#states.set(key, state)
    return countsIn(state, upTo)
  }

  /** All is judged anew. */
  async #loaded(question: UnreadQuestion, verdicts: Verdicts): Promise<UnreadState> {
    const { upTo } = question
    const stayFrom = await this.#stayFrom(question)
    const marks = await this.#readMarks(question, undefined)
    const start = Math.max(stayFrom, readUpTo(marks, UNTHREADED))
    // Each event has a position of its own, so between near positions there are few events.
    const isNear = lastOf(question) - start < MAX_COUNTED_EVENTS
    const floor = isNear ? start : Math.max(start, await this.#roomFloor(question))
    const { read } = question
    const held = read === undefined || read.after > floor ? undefined : read.events
    const judged = await this.#judged(question, verdicts, { after: floor, held, named: undefined, once: true })
    const events = new UnreadEvents()
    for (const event of judged.notifying) events.add(event)
    const { rules, ignored, threads } = verdicts
    return {
      ...marks,
      threadsPosition: threads?.position ?? 0,
      rulesPosition: rules.position,
      ignoredPosition: ignored.position,
      removalPosition: question.facts.record.lastRemovalPosition,
      ...{ stayFrom, upTo, floor, examined: judged.examined, events, named: judged.named },
    }
  }

  /** Goes on from where the state ends; undefined where all is to be judged anew. */
  async #extended(question: UnreadQuestion, held: UnreadState, verdicts: Verdicts): Promise<UnreadState | undefined> {
    const { upTo, memberAt, since, newEvents } = question
    const marks = await this.#readMarks(question, held)
    const read = Math.max(held.floor, readUpTo(marks, UNTHREADED))
    if (upTo <= held.upTo) {
      if (marks === held) return held
      held.events.dropUpTo(read)
      return { ...held, ...marks, floor: read }
    }
    if (memberAt > held.upTo && (await this.#stayFrom(question)) !== held.stayFrom) return undefined
    const isHeld = since !== undefined && newEvents !== undefined && held.upTo >= since.events
    const fresh = isHeld ? newEvents.filter(({ position }) => position > held.upTo && position <= upTo) : undefined
    if (fresh === undefined || fresh.length > MAX_COUNTED_EVENTS) {
      if ((await this.#roomFloor(question)) > held.upTo) return undefined
    }
    const judged = await this.#judged(question, verdicts, {
      after: Math.max(held.upTo, read),
      held: fresh,
      // Events that are read already are left out, and a change of the name with them.
      named: memberAt <= held.upTo || read <= held.upTo ? held.named : undefined,
      once: fresh === undefined,
    })
    const redacted = await this.#redacted(fresh === undefined ? judged.redactions : fresh, held.events)
    if (redacted === undefined) return undefined
    // Events that led to the redacted ones are in another thread now, and the rules ask for threads.
    if (verdicts.threads !== undefined && redacted.isAny) return undefined
    const examined = read >= held.upTo ? judged.examined : held.examined + judged.examined
    const floor = await this.#floor(question, read, examined)
    for (const event of judged.notifying) held.events.add(event)
    redacted.takeOut()
    held.events.dropUpTo(floor)
    return { ...held, ...marks, upTo, floor, examined: Math.min(examined, MAX_COUNTED_EVENTS), named: judged.named }
  }

  async #floor(question: UnreadQuestion, read: number, examined: number): Promise<number> {
    if (examined <= MAX_COUNTED_EVENTS || read >= question.upTo) return read
    return Math.max(read, await this.#roomFloor(question))
  }

  #roomFloor(question: UnreadQuestion): Promise<number> {
    return this.floors.of(question.facts.record.room, lastOf(question))
  }

  #judged(
    { user, facts, memberAt, upTo }: UnreadQuestion,
    { rules, ignored, threads }: Verdicts,
    { after, held, named, once }: Pick<JudgingWant, 'after' | 'held' | 'named' | 'once'>,
  ): Soon<Judged> {
    if (after >= upTo)
      return { notifying: [], redactions: [], examined: 0, named: memberAt <= upTo ? named : undefined }
    const want = {
      userId: user.userId,
      room: facts,
      memberAt,
      after,
      upTo,
      held: held?.filter(({ position }) => position > after),
      named,
      once,
    }
    return this.#judging.range({ ...want, evaluate: rules.evaluate, ignored: ignored.users, threads })
  }

  /** Returns a function that takes out what these redacted; undefined where more may have changed than can be taken out. */
  async #redacted(news: readonly StoredEvent[], events: UnreadEvents): Promise<Redacted | undefined> {
    // How much the removal of a user took back is found by counting again.
    if (news.some((event) => takenBackByStored(event) !== undefined)) return undefined
    const targets = news.flatMap((event) => targetOf(event) ?? [])
    if (targets.length === 0) return NOTHING_REDACTED
    if (targets.length > MAX_REDACTIONS) return undefined
    const found = await this.#parts.rooms.events(targets)
    const redacted = found.filter(({ redactedBy }) => redactedBy !== undefined)
    // A member's name or the power levels may have gone with it.
    if (redacted.some(({ stateKey }) => stateKey !== undefined)) return undefined
    const led = redacted.flatMap(({ eventId }) => events.leadingOver(eventId))
    const moved = await Promise.all(
      led.map(async (event) => {
        const stored = await this.#parts.rooms.event(event.eventId)
        return stored === undefined ? event : { ...event, ...(await this.#judging.threadOf(stored)) }
      }),
    )
    const takeOut = (): void => {
      for (const event of moved) {
        events.remove(event.position)
        events.add(event)
      }
      for (const { position } of redacted) events.remove(position)
    }
    return { isAny: redacted.length > 0, takeOut }
  }

  async #stayFrom({ user, facts, memberAt, upTo }: UnreadQuestion): Promise<number> {
    return (await this.#parts.rooms.stayBegan(facts.record.room, user.userId, Math.max(upTo, memberAt))) ?? memberAt
  }

  /** If the state reaches the window's start, only events of the window are added. */
  async #readMarks(
    { user, facts, since, newReceipts, allReceipts, receiptsUpTo }: UnreadQuestion,
    held: UnreadState | undefined,
  ): Promise<ReadMarks> {
    const continues = held !== undefined && since !== undefined && held.receiptsUpTo >= since.receipts
    const receipts =
      continues || allReceipts
        ? newReceipts.filter(({ userId }) => userId === user.userId)
        : await this.#parts.receipts.ofUser(user.user, [facts.record.room])
    if (continues && receipts.length === 0)
      return held.receiptsUpTo >= receiptsUpTo ? held : { read: held.read, receiptsUpTo }
    const read = new Map(continues ? held.read : [])
    for (const { threadId = UNTHREADED, eventPosition } of receipts)
      read.set(threadId, Math.max(read.get(threadId) ?? 0, eventPosition))
    return { read, receiptsUpTo: continues ? Math.max(held.receiptsUpTo, receiptsUpTo) : receiptsUpTo }
  }
}

/** Position of the newest event that may count. */
const lastOf = ({ facts: { record }, upTo }: UnreadQuestion): number => Math.min(upTo, record.lastPosition)

/** Whether the state holds nothing that is gone, and was judged by these rules. */
const isUpToDate = (
  state: UnreadState,
  { facts: { record } }: UnreadQuestion,
  { rules, ignored, threads }: Verdicts,
): boolean =>
  state.removalPosition === record.lastRemovalPosition &&
  state.rulesPosition === rules.position &&
  state.ignoredPosition === ignored.position &&
  state.threadsPosition === (threads?.position ?? 0)

/** Whether the event may change how others are judged, or that they count. */
const isMoreThanMessage = ({ type, stateKey }: StoredEvent): boolean =>
  stateKey !== undefined || type === 'm.room.redaction'

const readUpTo = ({ read }: ReadMarks, thread: string): number => read.get(thread) ?? 0

const countsIn = (state: UnreadState, upTo: number): UnreadCounts => {
  const room = { notifications: 0, highlights: 0 }
  const threads = new Map<string, UnreadCount>()
  const everywhere = Math.max(state.floor, state.stayFrom, readUpTo(state, UNTHREADED))
  for (const thread of state.events.threads()) {
    const count = state.events.count(thread, Math.max(everywhere, readUpTo(state, thread)), upTo)
    if (count.notifications === 0) continue
    threads.set(thread, count)
    room.notifications += count.notifications
    room.highlights += count.highlights
  }
  const main = threads.get(MAIN_TIMELINE) ?? { notifications: 0, highlights: 0 }
  threads.delete(MAIN_TIMELINE)
  return { room, main, threads }
}

/** The event that an event redacts; its place depends on the room version. */
const targetOf = (event: StoredEvent) => {
  if (event.type !== 'm.room.redaction') return undefined
  const pdu = JSON.parse(event.json) as Pdu
  return parseEventId(stringAt(pdu, 'redacts') ?? stringAt(pdu.content, 'redacts') ?? '')
}
