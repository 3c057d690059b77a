import { type Clock, yieldToEventLoop } from '#base'

/** Texts made before the event loop gets its turn: a few milliseconds for the largest events. */
const TEXTS_AT_ONCE = 200

/** The members of a JSON list, joined by commas. Yields to the event loop, so that long lists do not delay other requests. */
export const spliceTexts = async <Item>(
  items: readonly Item[],
  textOf: (item: Item) => string,
  clock: Clock,
): Promise<string> => {
  if (items.length <= TEXTS_AT_ONCE) return items.map(textOf).join(',')
  const slices: string[] = []
  for (let start = 0; start < items.length; start += TEXTS_AT_ONCE) {
    if (start > 0) await yieldToEventLoop(clock)
    slices.push(
      items
        .slice(start, start + TEXTS_AT_ONCE)
        .map(textOf)
        .join(','),
    )
  }
  return slices.join(',')
}
