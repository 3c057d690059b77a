import type { RelatedByFilter } from '#rules'
import type { EventId } from '#spec'
import type { EventsReader, StoredEvent } from '#store'

/** The part of a filter of room events that asks the store: `learn` comes before every question about an event. */
export interface RelatedFilter {
  learn(events: readonly StoredEvent[]): Promise<void>
  passes(event: StoredEvent): boolean
}

const PASSES_ALL: RelatedFilter = { learn: async () => {}, passes: () => true }

/** `related_by_rel_types` and `related_by_senders` ("Filtering by relations"), one statement for each page. */
export const relatedFilter = (
  { relatedBy: by }: { readonly relatedBy: RelatedByFilter | undefined },
  reader: Pick<EventsReader, 'relatedBy'>,
): RelatedFilter => {
  if (by === undefined) return PASSES_ALL
  const related = new Set<EventId>()
  return {
    learn: async (events) => {
      if (events.length === 0) return
      for (const eventId of await reader.relatedBy(
        events.map(({ eventId: id }) => id),
        by,
      ))
        related.add(eventId)
    },
    passes: ({ eventId }) => related.has(eventId),
  }
}
