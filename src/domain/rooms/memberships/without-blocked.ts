import type { BlockedRooms } from '../guards/blocked-rooms.ts'
import type { OtherServers } from './memberships.ts'

/** The same changes of memberships, but for ways into blocked rooms. Whoever is in one may still leave. */
export const withoutBlocked = (servers: OtherServers, blocked: Pick<BlockedRooms, 'mind'>): OtherServers => ({
  change: async (request, content) => {
    const { membership } = request
    if (membership === 'join' || membership === 'invite' || membership === 'knock') await blocked.mind(request.roomId)
    return servers.change(request, content)
  },
  joinThrough: (request, content) => servers.joinThrough(request, content),
})
