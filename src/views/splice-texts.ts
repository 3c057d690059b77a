import { breathe, type Clock } from '#base'

/** Texts made between two breaths of the event loop: a few milliseconds of the largest events. */
const TEXTS_AT_ONCE = 200

/** The members of a JSON list, one text after the other. A list of any length does not hold up others. */
export const spliceTexts = async <Item>(
  items: readonly Item[],
  textOf: (item: Item) => string,
  clock: Clock,
): Promise<string> => {
  if (items.length <= TEXTS_AT_ONCE) return items.map(textOf).join(',')
  const slices: string[] = []
  for (let start = 0; start < items.length; start += TEXTS_AT_ONCE) {
    if (start > 0) await breathe(clock)
    slices.push(
      items
        .slice(start, start + TEXTS_AT_ONCE)
        .map(textOf)
        .join(','),
    )
  }
  return slices.join(',')
}
