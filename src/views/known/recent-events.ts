import { type CacheStats, type Soon, textBytes } from '#base'
import { takenBackByStored } from '#rules'
import { type Pdu, stringAt } from '#spec'
import type { EventsReader, StoredEvent } from '#store'

const LIMIT_BYTES = 32 * 1024 * 1024
/** Older events are read as far as these leave room for newer ones, which would push them out again. */
const BACKWARD_LIMIT_BYTES = LIMIT_BYTES / 2
const OVERHEAD_BYTES = 500
const READ_AT_ONCE = 500
/** Readers further behind than this read their rooms one by one: those that changed. */
const MAX_EVENTS = 10_000

export interface RecentEventsParts {
  readonly reader: EventsReader
  /** Position from which events are kept. */
  readonly position: number
}

/**
 * The newest events of all rooms, in memory: all waiting clients ask for them after each event, and only the first of them
 * reads the database. The same holds for those that come back with older tokens.
 */
export class RecentEvents {
  readonly #reader: EventsReader
  #events: StoredEvent[] = []
  /** Events with #from < position <= #upTo are held. */
  #from: number
  #upTo: number
  #sizeBytes = 0
  #hits = 0
  #misses = 0
  #filling: Promise<void> = Promise.resolve()

  constructor({ reader, position }: RecentEventsParts) {
    this.#reader = reader
    this.#from = position
    this.#upTo = position
  }

  stats(): CacheStats {
    const { length: entries } = this.#events
    return {
      ...{ name: 'recent-events', hits: this.#hits, misses: this.#misses, entries },
      ...{ sizeBytes: this.#sizeBytes, limitBytes: LIMIT_BYTES },
    }
  }

  /** Events with `after` < position <= `upTo`, oldest first; undefined where too many came since. */
  between(after: number, upTo: number): Soon<readonly StoredEvent[] | undefined> {
    if (this.#upTo < upTo || after < this.#from) {
      this.#misses++
      return this.#read(after, upTo)
    }
    this.#hits++
    return this.#held(after, upTo)
  }

  async #read(after: number, upTo: number): Promise<readonly StoredEvent[] | undefined> {
    while (this.#upTo < upTo) await this.#inTurn(() => this.#fill(upTo))
    while (after < this.#from) {
      if (!this.#mayReachBack(after)) return undefined
      await this.#inTurn(() => this.#extendBack(after))
    }
    return this.#held(after, upTo)
  }

  /** The same where they are in memory; undefined otherwise, and nothing is read. */
  inMemory(after: number, upTo: number): readonly StoredEvent[] | undefined {
    return this.#upTo < upTo || after < this.#from ? undefined : this.#held(after, upTo)
  }

  #held(after: number, upTo: number): readonly StoredEvent[] {
    return this.#events.slice(this.#indexAfter(after), this.#indexAfter(upTo))
  }

  /** Waits for the read under way, also where that fails: one failed read must not fail all later ones. */
  async #inTurn(read: () => Promise<void>): Promise<void> {
    this.#filling = this.#filling.then(read, read)
    await this.#filling
  }

  #mayReachBack(after: number): boolean {
    return this.#upTo - after <= MAX_EVENTS && this.#sizeBytes < BACKWARD_LIMIT_BYTES
  }

  /** After a restart all clients come with tokens of before: the first of them reads what they all ask for. */
  async #extendBack(after: number): Promise<void> {
    if (after >= this.#from || !this.#mayReachBack(after)) return
    const from = Math.max(after, this.#from - READ_AT_ONCE)
    const read = await this.#reader.eventsAfter(from, this.#from, READ_AT_ONCE)
    this.#events = [...read, ...this.#events]
    for (const event of read) this.#sizeBytes += sizeOf(event)
    this.#from = from
  }

  async #fill(upTo: number): Promise<void> {
    if (this.#upTo >= upTo) return
    if (upTo - this.#upTo > MAX_EVENTS) this.#skipTo(upTo - MAX_EVENTS)
    const read = await this.#reader.eventsAfter(this.#upTo, upTo, READ_AT_ONCE)
    const reached = read.length < READ_AT_ONCE ? upTo : (read.at(-1) as StoredEvent).position
    const redacted = await this.#redacted(read)
    // Nothing is kept before all reads have succeeded: one that fails begins again from the same place.
    if (redacted.size > 0) this.#events = this.#events.map((event) => this.#instead(event, redacted.get(event.eventId)))
    for (const event of read) {
      this.#events.push(event)
      this.#sizeBytes += sizeOf(event)
    }
    this.#upTo = reached
    this.#shed()
  }

  /** Held events that show something which one of these redacted, as they are now: the content must be gone here too. */
  async #redacted(read: readonly StoredEvent[]): Promise<ReadonlyMap<string, StoredEvent>> {
    const targets = new Set(read.flatMap((event) => targetOf(event) ?? []))
    for (const eventId of takenBack(this.#events, read)) targets.add(eventId)
    const redacted = new Map<string, StoredEvent>()
    if (targets.size === 0) return redacted
    for (const { eventId, replaces, redactedBy } of this.#events) {
      const shown = [eventId, replaces?.eventId, redactedBy?.eventId]
      if (!shown.some((id) => id !== undefined && targets.has(id))) continue
      const now = await this.#reader.event(eventId)
      if (now !== undefined) redacted.set(eventId, now)
    }
    return redacted
  }

  #instead(event: StoredEvent, now: StoredEvent | undefined): StoredEvent {
    if (now === undefined) return event
    this.#sizeBytes += sizeOf(now) - sizeOf(event)
    return now
  }

  /** After a time without readers, events that would be dropped at once are not read. */
  #skipTo(position: number): void {
    this.#events = []
    this.#sizeBytes = 0
    this.#from = position
    this.#upTo = position
  }

  #shed(): void {
    let drop = 0
    while (this.#sizeBytes > LIMIT_BYTES || this.#events.length - drop > MAX_EVENTS) {
      const event = this.#events[drop]
      if (event === undefined) break
      this.#sizeBytes -= sizeOf(event)
      this.#from = event.position
      drop++
    }
    if (drop > 0) this.#events = this.#events.slice(drop)
  }

  #indexAfter(position: number): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#events[middle] as StoredEvent).position <= position) low = middle + 1
      else high = middle
    }
    return low
  }
}

const sizeOf = (event: StoredEvent): number =>
  OVERHEAD_BYTES +
  [event.json, event.replaces?.json ?? '', event.redactedBy?.json ?? ''].reduce((sum, json) => sum + textBytes(json), 0)

/** Held events of users whose removal takes back what they sent. */
const takenBack = (held: readonly StoredEvent[], read: readonly StoredEvent[]): readonly string[] =>
  read.flatMap((removal) => {
    const user = takenBackByStored(removal)
    if (user === undefined) return []
    return held.filter(({ room, sender }) => room === removal.room && sender === user).map(({ eventId }) => eventId)
  })

const targetOf = (event: StoredEvent): string | undefined => {
  if (event.type !== 'm.room.redaction') return undefined
  const pdu = JSON.parse(event.json) as Pdu
  return stringAt(pdu, 'redacts') ?? stringAt(pdu.content, 'redacts')
}
