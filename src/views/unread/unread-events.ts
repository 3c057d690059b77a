import type { EventId } from '#spec'

/** An event that notified, with the thread it is in. */
export interface NotifyingEvent {
  readonly position: number
  readonly eventId: EventId
  readonly highlight: boolean
  readonly thread: string
  /** The events by which it is in that thread and whose redaction takes it out; none where it says the thread itself. */
  readonly via: readonly EventId[]
}

interface ThreadEvents {
  /** Positions, in order. */
  readonly all: number[]
  readonly highlights: number[]
}

const BYTES_AN_EVENT = 20
const BYTES_A_THREAD = 400
const BYTES_AN_INDIRECT_EVENT = 400

/** The positions of a room's events that notified one user, by thread, so that a count is two searches however many there are. */
export class UnreadEvents {
  readonly #threads = new Map<string, ThreadEvents>()
  readonly #indirect = new Map<number, NotifyingEvent>()

  /** Adds an event that is newer than all that are here. */
  add(event: NotifyingEvent): void {
    const { position, highlight, thread, via } = event
    const held = this.#threads.get(thread) ?? { all: [], highlights: [] }
    this.#threads.set(thread, held)
    insert(held.all, position)
    if (highlight) insert(held.highlights, position)
    if (via.length > 0) this.#indirect.set(position, event)
  }

  remove(position: number): void {
    this.#indirect.delete(position)
    for (const [thread, held] of this.#threads) {
      if (!withdraw(held.all, position)) continue
      withdraw(held.highlights, position)
      if (held.all.length === 0) this.#threads.delete(thread)
      return
    }
  }

  /** The events that are in their thread by way of that one. */
  leadingOver(eventId: EventId): readonly NotifyingEvent[] {
    return [...this.#indirect.values()].filter(({ via }) => via.includes(eventId))
  }

  /** Drops the events up to that position. */
  dropUpTo(position: number): void {
    for (const [thread, { all, highlights }] of this.#threads) {
      all.splice(0, indexAfter(all, position))
      highlights.splice(0, indexAfter(highlights, position))
      if (all.length === 0) this.#threads.delete(thread)
    }
    for (const place of this.#indirect.keys()) if (place <= position) this.#indirect.delete(place)
  }

  threads(): Iterable<string> {
    return this.#threads.keys()
  }

  /** Events of the thread with `after` < position <= `upTo`. */
  count(thread: string, after: number, upTo: number): { readonly notifications: number; readonly highlights: number } {
    const held = this.#threads.get(thread)
    if (held === undefined) return { notifications: 0, highlights: 0 }
    return { notifications: between(held.all, after, upTo), highlights: between(held.highlights, after, upTo) }
  }

  get sizeBytes(): number {
    let bytes = this.#indirect.size * BYTES_AN_INDIRECT_EVENT
    for (const { all, highlights } of this.#threads.values())
      bytes += BYTES_A_THREAD + (all.length + highlights.length) * BYTES_AN_EVENT
    return bytes
  }
}

/** How many of the positions, which are in order, are at most that one. */
const indexAfter = (positions: readonly number[], position: number): number => {
  let low = 0
  let high = positions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((positions[middle] ?? 0) <= position) low = middle + 1
    else high = middle
  }
  return low
}

const between = (positions: readonly number[], after: number, upTo: number): number =>
  Math.max(0, indexAfter(positions, upTo) - indexAfter(positions, after))

const insert = (positions: number[], position: number): void => {
  const last = positions.at(-1)
  if (last === undefined || last < position) positions.push(position)
  else positions.splice(indexAfter(positions, position), 0, position)
}

const withdraw = (positions: number[], position: number): boolean => {
  const index = indexAfter(positions, position) - 1
  if (positions[index] !== position) return false
  positions.splice(index, 1)
  return true
}
