import type { CacheStats } from '#base'
import { Connections, type IgnoredUsers, noRooms, type SlidingExtension, SlidingSync, type UserRooms } from '#views'
import type { RoomsGround } from './rooms.ts'

export interface SlidingSyncGround extends RoomsGround {
  readonly ignored: IgnoredUsers
  readonly userRooms: UserRooms
}

interface BuiltSlidingSync {
  readonly slidingSync: SlidingSync
  readonly caches: readonly { stats(): CacheStats }[]
}

const CONNECTIONS_BYTES = 8 * 1024 * 1024

/** Builds sliding sync with its extensions. New extensions are added at the end of the list, and none moves. */
export const buildSlidingSync = (
  { clock, streams, userRooms, ignored }: SlidingSyncGround,
  extensions: readonly SlidingExtension[],
): BuiltSlidingSync => {
  const connections = new Connections({ clock, limitBytes: CONNECTIONS_BYTES })
  return {
    slidingSync: new SlidingSync({
      clock,
      streams,
      userRooms,
      ignored,
      connections,
      rooms: { look: async (_, now) => noRooms(now) },
      extensions,
    }),
    caches: [connections],
  }
}
