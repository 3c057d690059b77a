import { type CacheStats, type Clock, LatestValues, yieldToEventLoop } from '#base'
import { canonicalJson, redact } from '#rules'
import { type Pdu, ROOM_VERSIONS, type RoomVersion, type UserId } from '#spec'
import type { AccountsReader, RoomNumber, RoomsReader, StoredEvent } from '#store'
import type { News, NewsHandler } from '#streams'

export interface ErasuresParts {
  readonly accounts: Pick<AccountsReader, 'erasures'>
  readonly rooms: Pick<RoomsReader, 'firstJoin'>
  readonly clock: Clock
  readonly limitBytes: number
}

/** Gives each event as its reader may have it: itself, or a redacted copy. */
export type Shown = (event: StoredEvent) => StoredEvent

const ENTRY_BYTES = 200
/** Events that one step looks at. */
const AT_ONCE = 1_000
/** The newest version's rules of redaction remove most; the copies are for reading, and no signature covers them. */
const NEWEST = ROOM_VERSIONS.get('12') as RoomVersion
const asTheyAre: Shown = (event) => event

/**
 * The users whose content is erased (client-server API, "Account deactivation"): whoever was in the room before keeps their copies, all others are
 * given redacted ones, of messages and memberships. Other state speaks for the room and not for the person, so it stays: redacted copies of
 * it would take the name and the encryption of rooms away.
 */
export class Erasures implements NewsHandler {
  readonly #parts: ErasuresParts
  /** All of them, as they are few, and most servers have none: by user, the position from which on their content is erased. */
  readonly #erased: LatestValues<'all', ReadonlyMap<UserId, number>>

  constructor(parts: ErasuresParts) {
    this.#parts = parts
    this.#erased = new LatestValues({
      name: 'erasures',
      limitBytes: parts.limitBytes,
      sizeBytes: (erased) => ENTRY_BYTES * (1 + erased.size),
    })
  }

  /** An erasure takes a position of the stream of events and concerns no room; few other changes do. */
  news(news: readonly News[]): void {
    if (news.some(({ stream, rooms }) => stream === 'events' && rooms.length === 0)) this.#erased.clear()
  }

  missed(): void {
    this.#erased.clear()
  }

  stats(): CacheStats {
    return this.#erased.stats()
  }

  /** Whether content of the event is erased for all who were not in the room before. */
  async erasedIn(): Promise<(event: Pick<StoredEvent, 'sender' | 'stateKey' | 'type'>) => boolean> {
    const erased = await this.#all()
    return (event) => isPersonal(event) && erased.has(event.sender)
  }

  #all(): Promise<ReadonlyMap<UserId, number>> {
    return this.#erased.get('all', async () => {
      const all = await this.#parts.accounts.erasures()
      return new Map(all.map(({ userId: user, position }) => [user, position]))
    })
  }

  async shownTo(userId: UserId, events: readonly StoredEvent[]): Promise<Shown> {
    const erased = await this.#all()
    if (erased.size === 0) return asTheyAre
    const firstJoins = new Map<RoomNumber, number>()
    for (const [index, event] of events.entries()) {
      if (index > 0 && index % AT_ONCE === 0) await yieldToEventLoop(this.#parts.clock)
      if (firstJoins.has(event.room) || !authorsOf(event).some((author) => erased.has(author))) continue
      firstJoins.set(event.room, (await this.#parts.rooms.firstJoin(event.room, userId)) ?? Number.POSITIVE_INFINITY)
    }
    if (firstJoins.size === 0) return asTheyAre
    return (event) => {
      const firstJoin = firstJoins.get(event.room)
      if (firstJoin === undefined) return event
      return withoutErased(event, (author) => (erased.get(author) ?? Number.POSITIVE_INFINITY) < firstJoin)
    }
  }
}

/** Whoever wrote the event, what it replaced, or its redaction, each of which its text can show. */
const authorsOf = ({ sender, replaces, redactedBy }: StoredEvent): readonly UserId[] => [
  sender,
  ...[replaces, redactedBy].flatMap((shown) => (shown === undefined ? [] : [senderIn(shown.json)])),
]

const SENDER = '"sender":"'

/** The sender in a stored event, whose keys are sorted: after it come no objects but hashes and signatures. */
const senderIn = (json: string): UserId => {
  const start = json.lastIndexOf(SENDER) + SENDER.length
  return json.slice(start, json.indexOf('"', start)) as UserId
}

/** Other state speaks for the room. */
const isPersonal = ({ stateKey, type }: Pick<StoredEvent, 'stateKey' | 'type'>): boolean =>
  stateKey === undefined || type === 'm.room.member'

const withoutErased = (event: StoredEvent, isErased: (author: UserId) => boolean): StoredEvent => {
  const { sender, replaces, redactedBy } = event
  const hides = isPersonal(event) && isErased(sender)
  const hidesReplaced = isPersonal(event) && replaces !== undefined && isErased(senderIn(replaces.json))
  const hidesRedaction = redactedBy !== undefined && isErased(senderIn(redactedBy.json))
  if (!hides && !hidesReplaced && !hidesRedaction) return event
  return {
    ...event,
    json: hides ? redacted(event.json) : event.json,
    replaces: hidesReplaced ? undefined : replaces,
    redactedBy: hidesRedaction ? { ...redactedBy, json: redacted(redactedBy.json) } : redactedBy,
  }
}

/** The event without its content, for a reader who must not have it. */
export const redactedCopy = (event: StoredEvent): StoredEvent => ({ ...event, json: redacted(event.json) })

/** A redaction goes on telling what it redacts. */
const redacted = (json: string): string => {
  const pdu = JSON.parse(json) as Pdu
  const copy = { ...redact(NEWEST, pdu), ...('redacts' in pdu ? { redacts: pdu.redacts } : {}) }
  const text = canonicalJson(copy, { strict: false })
  if (!text.ok) throw new Error(`a stored event is not canonical: ${text.failure.reason}`)
  return text.value
}
