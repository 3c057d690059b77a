import { Chore, type Clock, type Logger } from '#base'
import type { RemoteMediaName, RemoteMediaReader } from '#store'

export interface RemoteMediaSweepParts {
  readonly reader: RemoteMediaReader
  readonly bytes: { removeCopy(name: RemoteMediaName): Promise<void> }
  readonly clock: Clock
  readonly logger: Logger
  /** Time after which a copy that nobody asks for goes; undefined: never. */
  readonly unusedMs: number | undefined
  /** Bytes of all copies. */
  readonly storageBytes: number
}

const EVERY_MS = 3_600_000
const COPIES_AT_ONCE = 100

/** Removes copies of other servers' media that nobody asked for in a while, and the longest unused ones where all together take too much space. */
export const remoteMediaSweep = (parts: RemoteMediaSweepParts): Chore =>
  new Chore({
    ...{ clock: parts.clock, logger: parts.logger, everyMs: EVERY_MS },
    failure: 'copies of media of other servers could not be swept; tried again in an hour',
    round: async (chore) => {
      await removeUnused(parts, chore)
      await removeSurplus(parts, chore)
    },
  })

const removeUnused = async ({ reader, bytes, clock, unusedMs }: RemoteMediaSweepParts, chore: Chore): Promise<void> => {
  if (unusedMs === undefined) return
  const beforeMs = clock.nowMs() - unusedMs
  await chore.inPieces(async () => {
    const old = await reader.usedBefore(beforeMs, COPIES_AT_ONCE)
    for (const name of old) await bytes.removeCopy(name)
    return old.length === COPIES_AT_ONCE
  })
}

const removeSurplus = async ({ reader, bytes, storageBytes }: RemoteMediaSweepParts, chore: Chore): Promise<void> => {
  let surplus = (await reader.bytes()) - storageBytes
  await chore.inPieces(async () => {
    if (surplus <= 0) return false
    const oldest = await reader.usedBefore(Number.MAX_SAFE_INTEGER, COPIES_AT_ONCE)
    for (const name of oldest) {
      if (surplus <= 0) return false
      await bytes.removeCopy(name)
      surplus -= name.sizeBytes
    }
    return oldest.length > 0
  })
}
