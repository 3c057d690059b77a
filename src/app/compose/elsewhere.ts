import type { RoomEndpointsDeps } from '#api'
import type { CacheStats } from '#base'
import { ProfilesOfUsers, RemoteProfiles, RemotePublicRooms, RemoteSpaces } from '#domain'
import type { BuiltFederation } from './federation.ts'
import type { Ground } from './ground.ts'
import type { Personal } from './personal.ts'
import { serversFor } from './served.ts'

/** What other servers are asked for their users, rooms and spaces. */
export interface BuiltElsewhere {
  readonly profiles: ProfilesOfUsers
  /** For the endpoints of rooms. */
  readonly rooms: Pick<RoomEndpointsDeps, 'publicRoomsElsewhere' | 'servers'>
  readonly spaces: RemoteSpaces
  readonly caches: readonly { stats(): CacheStats }[]
}

export const buildElsewhere = (
  { config, clock, store }: Pick<Ground, 'config' | 'clock' | 'store'>,
  { requests }: Pick<BuiltFederation, 'requests'>,
  { profiles: own }: Pick<Personal, 'profiles'>,
): BuiltElsewhere => {
  const serverName = config.server.name
  const remoteProfiles = new RemoteProfiles({ requests, clock })
  const spaces = new RemoteSpaces({ requests, serverName, clock })
  return {
    profiles: new ProfilesOfUsers({ own, elsewhere: remoteProfiles, reader: store.rooms, serverName }),
    rooms: {
      publicRoomsElsewhere: new RemotePublicRooms({ requests }),
      servers: { serversFor: (roomId) => serversFor(roomId, serverName, store.rooms) },
    },
    spaces,
    caches: [remoteProfiles, spaces],
  }
}
