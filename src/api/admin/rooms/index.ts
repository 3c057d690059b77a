import type { AnyEndpoint } from '#http'
import { type RoomDeedsDeps, roomDeedsEndpoints } from './room-deeds.ts'
import { type RoomHistoryDeps, roomHistoryEndpoints } from './room-history.ts'
import { type RoomJobsDeps, roomJobsEndpoints } from './room-jobs.ts'
import { type RoomListDeps, roomListEndpoints } from './room-list.ts'

export interface RoomsAdminDeps
  extends Omit<RoomDeedsDeps, 'rooms'>,
    RoomHistoryDepsOfAll,
    Omit<RoomJobsDeps, 'rooms'> {
  readonly list: RoomListDeps['list']
  readonly sizes: RoomListDeps['sizes']
  readonly rooms: RoomDeedsDeps['rooms'] & RoomJobsDeps['rooms']
}
type RoomHistoryDepsOfAll = Omit<RoomHistoryDeps, 'details'> & {
  readonly details: RoomHistoryDeps['details'] & RoomListDeps['details']
}

export const roomsAdminEndpoints = (deps: RoomsAdminDeps): readonly AnyEndpoint[] => [
  ...roomListEndpoints(deps),
  ...roomHistoryEndpoints(deps),
  ...roomDeedsEndpoints(deps),
  ...roomJobsEndpoints(deps),
]
