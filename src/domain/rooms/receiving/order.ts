import type { EventId } from '#spec'
import type { CheckedEvent } from './checked-event.ts'

/**
 * The events with those that they refer to before them, by one kind of reference; what is not among them does not count. Events that refer to each other in a
 * circle, which ids made of hashes cannot, are left out.
 */
export const inOrder = (
  events: readonly CheckedEvent[],
  references: 'authEvents' | 'prevEvents',
): readonly CheckedEvent[] => {
  const waiting = new Map(events.map((each) => [each.event.eventId, each]))
  const blocked = new Map<EventId, number>()
  const citedBy = new Map<EventId, CheckedEvent[]>()
  const ready: CheckedEvent[] = []
  for (const each of waiting.values()) {
    const cited = [...new Set(each.event[references])].filter((eventId) => waiting.has(eventId))
    blocked.set(each.event.eventId, cited.length)
    if (cited.length === 0) ready.push(each)
    for (const eventId of cited) {
      const citing = citedBy.get(eventId)
      if (citing === undefined) citedBy.set(eventId, [each])
      else citing.push(each)
    }
  }
  // The list grows while it is walked.
  for (const { event } of ready) {
    for (const citing of citedBy.get(event.eventId) ?? []) {
      const left = (blocked.get(citing.event.eventId) ?? 0) - 1
      blocked.set(citing.event.eventId, left)
      if (left === 0) ready.push(citing)
    }
  }
  return ready
}
