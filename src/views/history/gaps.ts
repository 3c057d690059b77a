import type { RoomId } from '#spec'
import type { RoomGraphReader, RoomRecord } from '#store'
import type { TimelinePage } from './timeline-page.ts'

/** Gets missing events of a room's past from other servers; the domain does it, within a time. */
export interface HistoryElsewhere {
  /** Returns whether something is stored that was missing before. */
  near(roomId: RoomId, depth: number): Promise<boolean>
}

export interface GapsParts {
  readonly reader: Pick<RoomGraphReader, 'backwardExtremities'>
  readonly elsewhere: HistoryElsewhere
}

/** Times that a page is read again after something was fetched for it: what was fetched may be nothing that the reader sees. */
const MAX_ROUNDS = 5
const LOOKED_AT = 20

/** Pages of history that go on where this server has events no more. */
export class Gaps {
  readonly #parts: GapsParts

  constructor(parts: GapsParts) {
    this.#parts = parts
  }

  /** A page that is read backwards from a depth, read again as long as it passes a gap and other servers fill that. */
  async filled(
    { room, roomId }: Pick<RoomRecord, 'room' | 'roomId'>,
    from: number | undefined,
    read: () => Promise<TimelinePage>,
  ): Promise<TimelinePage> {
    let page = await read()
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const gap = await this.#gapIn(room, page)
      if (gap === undefined || !(await this.#parts.elsewhere.near(roomId, from ?? gap))) return page
      page = await read()
    }
    return page
  }

  /** The depth of the deepest gap that the page reaches. A full page behind which one begins is no concern of its reader yet. */
  async #gapIn(room: number, { last, complete }: TimelinePage): Promise<number | undefined> {
    const missing = await this.#parts.reader.backwardExtremities(room, LOOKED_AT)
    if (complete) return missing[0]?.depth
    return missing.find(({ depth }) => last !== undefined && depth > last.depth)?.depth
  }
}
