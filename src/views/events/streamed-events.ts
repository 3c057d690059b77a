import { type Clock, type TextPieces, yieldToEventLoop } from '#base'
import type { EventNumber, StoredEvent } from '#store'
import type { EventBatch, EventTexts } from './event-texts.ts'

/** Pages of events, in the order in which they are shown. */
export type EventPages = AsyncIterable<readonly StoredEvent[]>

/** No events. */
export async function* noPages(): EventPages {}

export interface StreamedEventsParts {
  readonly texts: EventTexts
  readonly clock: Clock
}

/** An answer that is mostly events of one reader: its text before them, and after them. */
export interface StreamedAnswer {
  readonly head: string
  readonly pages: EventPages
  readonly tail: string
  readonly batch: Omit<EventBatch, 'events'>
}

/**
 * The text of an answer, made page by page as it is sent. An event that comes twice is shown once: pages of a state may overlap where it changes
 * meanwhile.
 */
export const streamedAnswer = (answer: StreamedAnswer, parts: StreamedEventsParts): TextPieces => ({
  begun: [],
  rest: pieces(answer, parts),
})

async function* pieces({ head, pages, batch, tail }: StreamedAnswer, parts: StreamedEventsParts): TextPieces['rest'] {
  yield head
  yield* streamedEvents(pages, batch, parts)
  yield tail
}

/** The members of a JSON list, likewise. */
export async function* streamedEvents(
  pages: EventPages,
  batch: Omit<EventBatch, 'events'>,
  { texts, clock }: StreamedEventsParts,
): TextPieces['rest'] {
  const told = new Set<EventNumber>()
  let isFirst = true
  for await (const page of pages) {
    const events = page.filter(({ event }) => !told.has(event))
    for (const { event } of events) told.add(event)
    const text = await texts.joined({ ...batch, events })
    await yieldToEventLoop(clock)
    if (text === '') continue
    yield isFirst ? text : `,${text}`
    isFirst = false
  }
}
