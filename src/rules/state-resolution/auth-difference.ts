import { type EventId, stateTupleKey } from '#spec'
import type { Conflict } from './conflict.ts'
import { conflictedEvents } from './conflict.ts'
import type { EventReader } from './event-reader.ts'
import { Heap } from './heap.ts'

/**
 * The auth difference, without conflicted events: what stands in the auth chains of some state sets and not of all ("Room
 * version 2", "State resolution"). As in the implementations that rooms were built with, a state's chain includes the
 * state's own events.
 *
 * Only the chains of conflicted events are walked. What all sets agree on counts for all of them, so of the unconflicted
 * state only those entries matter that could have one of the remaining candidates in their chain.
 */
export const authDifference = (conflict: Conflict, reader: EventReader): Set<EventId> => {
  const { candidates, common } = differingChains(conflict, reader)
  if (candidates.size === 0 || !reader.isComplete) return candidates
  const first = leastOrder(candidates, reader)
  const pending: EventId[] = [...conflict.unconflicted.mayReach([...candidates])]
  const seen = new Set<EventId>()
  while (pending.length > 0 && candidates.size > 0) {
    const eventId = pending.pop()
    if (eventId === undefined || seen.has(eventId) || common.has(eventId)) continue
    if (reader.isOrdered && reader.orderOf(eventId) < first) continue
    seen.add(eventId)
    candidates.delete(eventId)
    const event = reader.get(eventId)
    if (event !== undefined) pending.push(...event.authEvents)
  }
  return candidates
}

export const leastOrder = (eventIds: Iterable<EventId>, reader: EventReader): number => {
  let least = Number.POSITIVE_INFINITY
  for (const eventId of eventIds) least = Math.min(least, reader.orderOf(eventId))
  return least
}

interface DifferingChains {
  readonly candidates: Set<EventId>
  /** Events known to stand in the chains of all sets, and with them all that they cite. */
  readonly common: ReadonlySet<EventId>
}

/**
 * Marks each event with the sets (one bit each) from which it can be reached. With an order each event is visited once,
 * after all that cite it, and the walk ends where only common events are left to visit.
 */
const differingChains = (conflict: Conflict, reader: EventReader): DifferingChains => {
  const all = (1n << BigInt(conflict.sets.length)) - 1n
  const marks = new Map<EventId, bigint>()
  const queued = new Set<EventId>()
  const queue = new Heap<EventId>((left, right) => reader.orderOf(left) > reader.orderOf(right))
  let differing = 0

  const mark = (eventId: EventId, sets: bigint): void => {
    const before = marks.get(eventId) ?? 0n
    const after = before | sets
    if (after === before) return
    marks.set(eventId, after)
    if (!queued.has(eventId)) {
      queued.add(eventId)
      queue.push(eventId)
      if (after !== all) differing++
    } else if (after === all) differing--
  }

  conflict.sets.forEach((state, index) => {
    for (const eventId of state.values()) mark(eventId, 1n << BigInt(index))
  })
  while (differing > 0 || (!reader.isOrdered && queue.size > 0)) {
    const eventId = queue.pop()
    if (eventId === undefined) break
    queued.delete(eventId)
    const reached = marks.get(eventId) ?? 0n
    if (reached !== all) differing--
    const event = reader.get(eventId)
    if (event === undefined) continue
    const key = stateTupleKey(event.type, event.stateKey ?? '')
    const isAgreed = reached === all || (event.stateKey !== undefined && conflict.unconflicted.get(key) === eventId)
    if (isAgreed) marks.set(eventId, all)
    for (const cited of event.authEvents) mark(cited, isAgreed ? all : reached)
  }

  const candidates = new Set<EventId>()
  const common = new Set<EventId>()
  for (const [eventId, sets] of marks) (sets === all ? common : candidates).add(eventId)
  for (const eventId of conflictedEvents(conflict)) candidates.delete(eventId)
  return { candidates, common }
}
