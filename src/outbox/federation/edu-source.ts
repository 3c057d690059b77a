import type { News } from '#streams'
import type { HearsOfAbsences } from './away-servers.ts'
import type { Destinations } from './destinations.ts'
import type { RoomServers } from './room-servers.ts'

/** Where the EDUs of a source go. */
export interface EduOutlet {
  readonly to: Pick<Destinations, 'at'>
  readonly roomServers: Pick<RoomServers, 'othersIn'>
}

/** Tells other servers of one kind of passing news: typing, receipts, presence. */
export interface EduSource extends HearsOfAbsences {
  /** Begins with what comes from now on. */
  start(outlet: EduOutlet): void
  hear(news: readonly News[]): void
  stop(): void
}
