import type { ServedDeps } from '#api'
import { ServerAcls } from '#domain'
import { signWhenSent } from '#rules'
import type { RoomId, ServerName } from '#spec'
import type { RoomsReader } from '#store'
import { ServedHistory, ServedMoment, ServedRooms, ServedSpaces, ServedState, ServerVisibility } from '#views'
import type { Ground } from '../ground/ground.ts'
import type { Personal } from '../personal/personal.ts'
import type { RoomsDomain } from '../rooms/rooms.ts'
import type { Views } from '../views/views.ts'

/** Servers that an answer names for one room. */
const MAX_SERVERS = 50

/** Builds what other servers are told of rooms, people and the directory here. */
export const buildServed = (
  { store, clock, config, signingKey }: Pick<Ground, 'store' | 'clock' | 'config' | 'signingKey'>,
  views: Pick<Views, 'seenByServers' | 'publicRooms' | 'roomSummaries'>,
  { directory }: Pick<RoomsDomain, 'directory'>,
  { profiles }: Pick<Personal, 'profiles'>,
): ServedDeps => {
  const reader = store.rooms
  const { visibilities, erasures, visibility: lifetimes } = views.seenByServers
  const visibility = new ServerVisibility({ reader, visibilities, erasures, lifetimes, clock })
  const serverName = config.server.name
  const rooms = new ServedRooms({
    ...{ reader, acls: new ServerAcls({ reader }), visibility, serverName, clock },
    signed: (json) => signWhenSent(json, signingKey),
  })
  return {
    servedHistory: new ServedHistory({ rooms, reader, serverName, clock }),
    servedState: new ServedState({ rooms, reader, visibility, clock }),
    servedMoment: new ServedMoment({ rooms, reader, visibility }),
    servedSpaces: new ServedSpaces({ reader, summaries: views.roomSummaries, clock }),
    publicRooms: views.publicRooms,
    serverName,
    directory,
    profiles,
    servers: { serversFor: (roomId) => serversFor(roomId, serverName, reader) },
    showsProfiles: config.federation.showProfiles,
  }
}

/** This server first, then those who have been in the room for longest. */
export const serversFor = async (
  roomId: RoomId,
  own: ServerName,
  reader: Pick<RoomsReader, 'roomByRoomId' | 'serversOf'>,
): Promise<readonly ServerName[]> => {
  const record = await reader.roomByRoomId(roomId)
  const names = record === undefined ? [] : (await reader.serversOf(record.room)).map(({ name }) => name)
  return [...new Set([...(names.includes(own) || names.length === 0 ? [own] : []), ...names])].slice(0, MAX_SERVERS)
}
