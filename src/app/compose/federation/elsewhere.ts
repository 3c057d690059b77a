import type { RoomEndpointsDeps } from '#api'
import type { CacheStats } from '#base'
import {
  Backfill,
  MissingStates,
  MomentsElsewhere,
  ProfilesOfUsers,
  RemoteProfiles,
  RemotePublicRooms,
  RemoteSpaces,
} from '#domain'
import type { Ground } from '../ground/ground.ts'
import type { Personal } from '../personal/personal.ts'
import type { BuiltJoining } from '../rooms/joining.ts'
import type { RoomsDomain } from '../rooms/rooms.ts'
import type { BuiltFederation } from './federation.ts'
import type { Incoming } from './receiving.ts'
import { serversFor } from './served.ts'

/** Questions to other servers about their users, rooms and spaces. */
export interface BuiltElsewhere {
  readonly profiles: ProfilesOfUsers
  readonly remoteProfiles: RemoteProfiles
  /** For the endpoints of rooms. */
  readonly rooms: Pick<RoomEndpointsDeps, 'publicRoomsElsewhere' | 'momentsElsewhere' | 'servers' | 'wholeRooms'>
  readonly spaces: RemoteSpaces
  readonly history: Backfill
  readonly caches: readonly { stats(): CacheStats }[]
}

export const buildElsewhere = (
  { config, clock, store }: Pick<Ground, 'config' | 'clock' | 'store'>,
  {
    requests,
    check,
    fetch,
    pulls,
    graph,
    joining: { wholeRooms },
  }: Pick<BuiltFederation, 'requests'> &
    Pick<Incoming, 'check' | 'fetch' | 'pulls'> &
    Pick<RoomsDomain, 'graph'> & { readonly joining: Pick<BuiltJoining, 'wholeRooms'> },
  { profiles: own }: Pick<Personal, 'profiles'>,
): BuiltElsewhere => {
  const reader = store.rooms
  const serverName = config.server.name
  const states = new MissingStates({ fetch, graph, known: reader.graphEvents })
  const remoteProfiles = new RemoteProfiles({ requests, clock })
  const spaces = new RemoteSpaces({ requests, serverName, clock })
  return {
    profiles: new ProfilesOfUsers({ own, elsewhere: remoteProfiles, reader, serverName }),
    remoteProfiles,
    rooms: {
      momentsElsewhere: new MomentsElsewhere({ reader, requests, states, serverName, clock }),
      wholeRooms,
      publicRoomsElsewhere: new RemotePublicRooms({ requests }),
      servers: { serversFor: (roomId) => serversFor(roomId, serverName, reader) },
    },
    spaces,
    history: new Backfill({
      ...{ reader, requests, check, pulls, graph, states, serverName, clock },
    }),
    caches: [remoteProfiles, spaces],
  }
}
