import { backPagination } from './back-pagination.ts'
import { firstSync } from './first-sync.ts'
import { idle } from './idle.ts'
import { joinLargeRoom } from './join-large-room.ts'
import { keysClaim } from './keys-claim.ts'
import { initialSync, readOn } from './old-calls.ts'
import { presence } from './presence.ts'
import { registerUsers } from './register.ts'
import type { Scenario } from './scenario.ts'
import { search } from './search.ts'
import { sendManyRooms } from './send-many-rooms.ts'
import { sendOneRoom } from './send-one-room.ts'
import { toDevice } from './to-device.ts'
import { wakeListeners } from './wake-listeners.ts'
import { wakeStreams } from './wake-streams.ts'

/** In the order they run: idle before anything is asked, the largest scene last. */
export const scenarios: readonly Scenario[] = [
  idle,
  registerUsers,
  sendOneRoom,
  sendManyRooms,
  backPagination,
  firstSync,
  initialSync,
  readOn,
  wakeListeners,
  presence,
  toDevice,
  keysClaim,
  wakeStreams,
  joinLargeRoom,
  search,
]
