import {
  AskProfiles,
  formerNamesWork,
  MessageIndexing,
  PeopleElsewhere,
  type RemoteProfiles,
  userNamesWork,
} from '#domain'
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
  { search, remoteProfiles }: { readonly search: Search; readonly remoteProfiles: RemoteProfiles },
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
    serverName: config.server.name,
  })
  const ofNames = { clock, logger, commit, writer: writers.userDirectory, reader: store.userDirectory }
  const elsewhere = buildPeopleElsewhere({ config, store, clock, logger }, streams, remoteProfiles)
  return {
    api: { search, messageIndexing, userDirectory },
    work: {
      ...{ 'message-index': messageIndexing, 'user-names': userNamesWork(ofNames) },
      ...{ 'former-names': formerNamesWork(ofNames), ...elsewhere },
    },
  }
}

const buildPeopleElsewhere = (
  { config, store, clock, logger }: Pick<Ground, 'config' | 'store' | 'clock' | 'logger'>,
  news: Streams,
  remoteProfiles: RemoteProfiles,
): Readonly<Record<string, LeasedWork>> => {
  if (!config.federation.enabled) return {}
  const parts = { writer: writers.peopleElsewhere, commit: store.commit, clock, logger }
  const profiles = new AskProfiles({ ...parts, reader: store.peopleElsewhere, profiles: remoteProfiles })
  const people = new PeopleElsewhere({ ...parts, serverName: config.server.name, news, profiles })
  return { 'people-elsewhere': people, 'profiles-elsewhere': profiles }
}
