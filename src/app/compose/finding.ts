import { MessageIndexing } from '#domain'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import type { Search } from '#views'
import type { Ground } from './ground.ts'

export interface Finding {
  readonly api: { readonly search: Search; readonly messageIndexing: MessageIndexing }
  /** Not started. */
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds what searches need, and the work behind them. */
export const buildFinding = (
  { store, clock, logger }: Ground,
  streams: Streams,
  { search }: { readonly search: Search },
): Finding => {
  const messageIndexing = new MessageIndexing({
    ...{ clock, logger },
    writer: writers.messageIndex,
    commit: store.commit,
    position: () => streams.positions().events,
  })
  return { api: { search, messageIndexing }, work: { 'message-index': messageIndexing } }
}
