import type { EventId } from '#spec'
import { leastOrder } from './auth-difference.ts'
import type { EventReader } from './event-reader.ts'
import type { ResolutionSteps } from './steps.ts'

/**
 * The conflicted state subgraph ("Room version 12", "State resolution"): all events on paths along `auth_events` from one
 * conflicted event to another, the ends included.
 */
export function* conflictedSubgraph(
  conflicted: ReadonlySet<EventId>,
  reader: EventReader,
): ResolutionSteps<Set<EventId>> {
  const citedBy = yield* chainsOf(conflicted, reader)
  // Back from where a path ends, along what cites it; all in `citedBy` hangs from a conflicted event already.
  const found = new Set<EventId>(conflicted)
  const pending = [...conflicted]
  for (;;) {
    yield
    const eventId = pending.pop()
    if (eventId === undefined) return found
    for (const citing of citedBy.get(eventId) ?? []) {
      if (found.has(citing)) continue
      found.add(citing)
      pending.push(citing)
    }
  }
}

/** The conflicted events' auth chains, turned round: event to the events of these chains that cite it. */
function* chainsOf(
  conflicted: ReadonlySet<EventId>,
  reader: EventReader,
): ResolutionSteps<ReadonlyMap<EventId, readonly EventId[]>> {
  const citedBy = new Map<EventId, EventId[]>()
  const first = leastOrder(conflicted, reader)
  const seen = new Set<EventId>(conflicted)
  const pending = [...conflicted]
  for (;;) {
    yield
    const eventId = pending.pop()
    if (eventId === undefined) return citedBy
    for (const cited of reader.get(eventId)?.authEvents ?? []) {
      // Events older than all conflicted events lead to none of them.
      if (reader.isOrdered && reader.orderOf(cited) < first) continue
      const citing = citedBy.get(cited)
      if (citing === undefined) citedBy.set(cited, [eventId])
      else citing.push(eventId)
      if (seen.has(cited)) continue
      seen.add(cited)
      pending.push(cited)
    }
  }
}
