import { type EventId, type RoomEvent, stateTupleKey } from '#spec'
import type { Conflict } from './conflict.ts'
import { conflictedEvents } from './conflict.ts'
import type { EventReader } from './event-reader.ts'
import { Heap } from './heap.ts'
import type { ResolutionSteps } from './steps.ts'

/**
 * Returns the auth difference without the conflicted events: the events that stand in the auth chains of some state sets and not of all
 * ("Room version 2", "State resolution"). Serves the rooms of version 2 and later. As in the implementations that rooms were built with,
 * the chain of a state includes the events of the state itself.
 *
 * The conflicted events are left out because the caller adds all of them to the full conflicted set anyway, whether they differ or not
 * (`fullConflictedSet`). Often nothing else differs, and then the work ends after the first walk.
 *
 * The first walk, over the chains of the conflicted events, finds the candidates. The second takes out of them what stands in the chain of
 * an unconflicted entry: such an entry is in all state sets, so its chain is in all of theirs. Of the unconflicted state only those entries
 * are walked that may have a candidate in their chain.
 *
 * If the reader lacked an event, the candidates are returned as they are, which may be too many: the resolution fails then and names the
 * missing events, whatever this returns, and a second walk would start from candidates that are not final.
 */
export function* authDifference(conflict: Conflict, reader: EventReader): ResolutionSteps<Set<EventId>> {
  const { candidates, common } = yield* differingChains(conflict, reader)
  if (candidates.size === 0 || !reader.isComplete) return candidates
  const oldestCandidate = leastOrder(candidates, reader)
  const pending: EventId[] = [...conflict.unconflicted.mayReach([...candidates])]
  const seen = new Set<EventId>()
  while (pending.length > 0 && candidates.size > 0) {
    yield
    const eventId = pending.pop()
    // The chain of a common event holds common events only, and no candidate.
    if (eventId === undefined || seen.has(eventId) || common.has(eventId)) continue
    // An event older than all candidates has none in its chain.
    if (reader.isOrdered && reader.orderOf(eventId) < oldestCandidate) continue
    seen.add(eventId)
    candidates.delete(eventId)
    const event = reader.get(eventId)
    if (event !== undefined) pending.push(...event.authEvents)
  }
  return candidates
}

/** Returns the order of the oldest of the events; infinity for none, and 0 where events have no order. */
export const leastOrder = (eventIds: Iterable<EventId>, reader: EventReader): number => {
  let least = Number.POSITIVE_INFINITY
  for (const eventId of eventIds) least = Math.min(least, reader.orderOf(eventId))
  return least
}

interface DifferingChains {
  /** Events that the walk met in the chains of some sets and not of all, without the conflicted ones. */
  readonly candidates: Set<EventId>
  /** Events that stand in the chains of all sets. All that they cite does too, and is listed here only if the walk met it. */
  readonly common: ReadonlySet<EventId>
}

/**
 * Walks the auth chains of the conflicted events, and gives each event a mask in which bit n says that it stands in the chain of set n.
 * With an order the newest event comes first: each is visited once, after all that cite it, when its mask is final. The walk ends as soon
 * as no event with a partial mask is queued, as all that events with the full mask cite is common as well. Without an order an event whose
 * mask grew after its visit is visited again, and the walk ends when nothing is queued.
 */
function* differingChains(conflict: Conflict, reader: EventReader): ResolutionSteps<DifferingChains> {
  const fullMask = (1n << BigInt(conflict.sets.length)) - 1n
  const masks = new Map<EventId, bigint>()
  const queued = new Set<EventId>()
  const queue = new Heap<EventId>((left, right) => reader.orderOf(left) > reader.orderOf(right))
  /** The number of queued events whose mask is not full. */
  let queuedPartial = 0

  const addToMask = (eventId: EventId, bits: bigint): void => {
    const before = masks.get(eventId) ?? 0n
    const after = before | bits
    if (after === before) return
    masks.set(eventId, after)
    if (!queued.has(eventId)) {
      queued.add(eventId)
      queue.push(eventId)
      if (after !== fullMask) queuedPartial++
    } else if (after === fullMask) queuedPartial--
  }

  for (const [index, state] of conflict.sets.entries()) {
    for (const eventId of state.values()) {
      yield
      addToMask(eventId, 1n << BigInt(index))
    }
  }
  while (queuedPartial > 0 || (!reader.isOrdered && queue.size > 0)) {
    yield
    const eventId = queue.pop()
    if (eventId === undefined) break
    queued.delete(eventId)
    const mask = masks.get(eventId) ?? 0n
    if (mask !== fullMask) queuedPartial--
    const event = reader.get(eventId)
    if (event === undefined) continue
    // An unconflicted entry is in every set, so it stands in every chain.
    const isCommon = mask === fullMask || isUnconflicted(conflict, event)
    if (isCommon) masks.set(eventId, fullMask)
    for (const cited of event.authEvents) addToMask(cited, isCommon ? fullMask : mask)
  }

  const candidates = new Set<EventId>()
  const common = new Set<EventId>()
  for (const [eventId, mask] of masks) (mask === fullMask ? common : candidates).add(eventId)
  for (const eventId of conflictedEvents(conflict)) candidates.delete(eventId)
  return { candidates, common }
}

const isUnconflicted = ({ unconflicted }: Conflict, { eventId, type, stateKey }: RoomEvent): boolean =>
  stateKey !== undefined && unconflicted.get(stateTupleKey(type, stateKey)) === eventId
