import type { RoomGuards } from '../guards/room-guards.ts'
import type { OtherServers } from './memberships.ts'

/** The same changes of memberships, once they have been decided on. Whoever is in a room may leave. */
export const guarded = (servers: OtherServers, guards: Pick<RoomGuards, 'coming'>): OtherServers => ({
  change: async (request, content) => {
    const { membership } = request
    if (membership === 'join' || membership === 'invite' || membership === 'knock') await guards.coming(request)
    return servers.change(request, content)
  },
  joinThrough: (request, content) => servers.joinThrough(request, content),
})
