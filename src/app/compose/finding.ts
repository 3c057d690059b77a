import { MessageIndexing, userNamesWork } from '#domain'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import { type Search, UserDirectory } from '#views'
import type { Ground } from './ground/ground.ts'

export interface Finding {
  readonly api: {
    readonly search: Search
    readonly messageIndexing: MessageIndexing
    readonly userDirectory: UserDirectory
  }
  /** Not started. */
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds what searches need, and the work behind them. */
export const buildFinding = (
  { config, store, clock, logger }: Ground,
  streams: Streams,
  { search }: { readonly search: Search },
): Finding => {
  const { commit } = store
  const messageIndexing = new MessageIndexing({
    ...{ clock, logger, commit },
    writer: writers.messageIndex,
    position: () => streams.positions().events,
  })
  const userDirectory = new UserDirectory({
    reader: store.userDirectory,
    profiles: store.profiles,
    everybody: config.userDirectory.everybody,
  })
  const userNames = userNamesWork({ ...{ clock, logger, commit }, writer: writers.userDirectory })
  return {
    api: { search, messageIndexing, userDirectory },
    work: { 'message-index': messageIndexing, 'user-names': userNames },
  }
}
