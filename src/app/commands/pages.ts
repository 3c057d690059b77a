import type { JsonObject, JsonValue } from '#spec'
import type { Ask } from '../operator/ask.ts'

export interface PagedList {
  /** The command that answers with one page, and with the place of the next one as `next`. */
  readonly command: string
  /** The member of the input that has the place; `first` is its value for the first page, 0 if it is absent. */
  readonly at: string
  readonly first?: number
  /** The member of the answer that has the rows. */
  readonly rows: string
  readonly input?: JsonObject
}

/** The rows of a list, a page at a time. */
export async function* pagesOf(
  ask: Ask,
  { command, at, first = 0, rows, input = {} }: PagedList,
): AsyncGenerator<readonly JsonObject[]> {
  let place: JsonValue | undefined = first
  while (place !== undefined) {
    const page: JsonObject = await ask(command, { ...input, [at]: place })
    yield page[rows] as readonly JsonObject[]
    place = page.next
  }
}

/** All rows of a list. */
export const allRows = async (ask: Ask, list: PagedList): Promise<readonly JsonObject[]> => {
  const all: JsonObject[] = []
  for await (const rows of pagesOf(ask, list)) all.push(...rows)
  return all
}
