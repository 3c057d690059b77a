import { BoundedCache, type CacheStats } from '#base'
import { type PushContext, powerLevelsOf, toPushCandidate, toRoomEvent } from '#rules'
import {
  isJsonObject,
  objectAt,
  type Pdu,
  ROOM_VERSIONS,
  type RoomEvent,
  type RoomVersion,
  stringAt,
  type UserId,
} from '#spec'
import type { Receipt, RoomNumber, RoomRecord, RoomsReader, StoredEvent } from '#store'
import type { PushRules } from './push-rules.ts'

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

interface UnreadEvent {
  readonly position: number
  readonly thread: string
  readonly highlight: boolean
}

/** What of a room's events notified one user and may still be unread. */
interface Ledger {
  upTo: number
  rulesPosition: number
  events: UnreadEvent[]
}

const MAIN = 'main'
/** Who is further behind gets counts that stop here: nobody reads a badge of more. */
const MAX_COUNTED_EVENTS = 2_000
const PAGE = 200

/**
 * Unread counts, computed when a user asks and carried on from where they last asked: a message in a large room costs
 * nothing for members who are not there.
 */
export class Unread {
  readonly #reader: RoomsReader
  readonly #rules: PushRules
  readonly #ledgers: BoundedCache<string, Ledger>

  constructor(reader: RoomsReader, rules: PushRules, limitBytes: number) {
    this.#reader = reader
    this.#rules = rules
    this.#ledgers = new BoundedCache({
      name: 'unread',
      limitBytes,
      sizeBytes: ({ events }) => 200 + events.length * 80,
    })
  }

  stats(): CacheStats {
    return this.#ledgers.stats()
  }

  /** `receipts` are the user's own in that room; `joinedAt` the position of their member event: what came before is read. */
  async counts(
    user: { readonly userId: UserId; readonly user: number },
    record: Pick<RoomRecord, 'room' | 'roomId' | 'version' | 'joinedCount'>,
    receipts: readonly Receipt[],
    joinedAt: number,
    upTo: number,
  ): Promise<UnreadCounts> {
    const readUpTo = (thread: string): number =>
      receipts.reduce(
        (last, { threadId, eventPosition }) =>
          threadId === undefined || threadId === thread ? Math.max(last, eventPosition) : last,
        joinedAt,
      )
    const everywhere = readUpTo('')
    const ledger = await this.#ledger(user, record, everywhere, upTo)
    const counts = new Map<string, { notifications: number; highlights: number }>()
    const room = { notifications: 0, highlights: 0 }
    for (const { position, thread, highlight } of ledger.events) {
      if (position > upTo || position <= readUpTo(thread)) continue
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

  async #ledger(
    user: { readonly userId: UserId; readonly user: number },
    record: Pick<RoomRecord, 'room' | 'roomId' | 'version' | 'joinedCount'>,
    readUpTo: number,
    upTo: number,
  ): Promise<Ledger> {
    const key = `${user.user} ${record.room}`
    const rules = await this.#rules.of(user)
    const held = this.#ledgers.get(key)
    const ledger: Ledger =
      held === undefined || held.rulesPosition !== rules.position
        ? { upTo: readUpTo, rulesPosition: rules.position, events: [] }
        : { ...held, events: held.events.filter(({ position }) => position > readUpTo) }
    ledger.upTo = Math.max(ledger.upTo, readUpTo)
    if (ledger.upTo < upTo) {
      const events = await this.#unseen(record.room, ledger.upTo, upTo)
      if (events.some(({ sender }) => sender !== user.userId)) {
        const version = ROOM_VERSIONS.get(record.version)
        const context = version === undefined ? undefined : await this.#context(user.userId, record, version)
        if (version !== undefined && context !== undefined) {
          for (const stored of events) judge(stored, version, context, rules.evaluate, ledger.events)
        }
      }
      ledger.upTo = upTo
    }
    this.#ledgers.set(key, ledger)
    return ledger
  }

  /** The newest events that were not looked at yet, oldest first. */
  async #unseen(room: RoomNumber, after: number, upTo: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = []
    let before = upTo + 1
    while (events.length < MAX_COUNTED_EVENTS) {
      const page = await this.#reader.timeline(room, { after, before, direction: 'backward', limit: PAGE })
      events.push(...page)
      if (page.length < PAGE) break
      before = (page.at(-1) as StoredEvent).position
    }
    return events.reverse()
  }

  async #context(
    userId: UserId,
    record: Pick<RoomRecord, 'room' | 'joinedCount'>,
    version: RoomVersion,
  ): Promise<Omit<PushContext, 'senderPowerLevel'> & { levelOf(sender: string): number }> {
    const [create, powerLevels, member] = await Promise.all([
      this.#state(record.room, version, 'm.room.create', ''),
      this.#state(record.room, version, 'm.room.power_levels', ''),
      this.#state(record.room, version, 'm.room.member', userId),
    ])
    const levels = create === undefined ? undefined : powerLevelsOf(version, create, powerLevels)
    return {
      userId,
      displayName: stringAt(member?.content ?? {}, 'displayname'),
      memberCount: record.joinedCount,
      notificationPowerLevels: objectAt(powerLevels?.content ?? {}, 'notifications'),
      levelOf: (sender) => levels?.ofUser(sender) ?? 0,
    }
  }

  async #state(room: RoomNumber, version: RoomVersion, type: string, key: string): Promise<RoomEvent | undefined> {
    const stored = await this.#reader.stateEvent(room, 'current', type, key)
    return stored === undefined ? undefined : parse(stored, version)
  }
}

const parse = (stored: StoredEvent, version: RoomVersion): RoomEvent =>
  toRoomEvent(version, JSON.parse(stored.json) as Pdu, stored.eventId)

const judge = (
  stored: StoredEvent,
  version: RoomVersion,
  context: Omit<PushContext, 'senderPowerLevel'> & { levelOf(sender: string): number },
  evaluate: Awaited<ReturnType<PushRules['of']>>['evaluate'],
  into: UnreadEvent[],
): void => {
  if (stored.sender === context.userId || stored.redactedBy !== undefined) return
  const event = parse(stored, version)
  const outcome = evaluate(toPushCandidate(event), { ...context, senderPowerLevel: context.levelOf(event.sender) })
  if (outcome?.notify !== true) return
  into.push({ position: stored.position, thread: threadOf(event), highlight: outcome.highlight })
}

/** The root of the thread an event is in (module "Threading"). */
const threadOf = (event: RoomEvent): string => {
  const relation = event.content['m.relates_to']
  if (!isJsonObject(relation) || relation.rel_type !== 'm.thread') return MAIN
  return stringAt(relation, 'event_id') ?? MAIN
}
