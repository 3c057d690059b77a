import type { ServerName } from '#spec'
import type { News } from '#streams'
import type { Destinations } from './destinations.ts'
import type { RoomServers } from './room-servers.ts'

/** Where the EDUs of a source go. */
export interface EduOutlet {
  readonly to: Pick<Destinations, 'at'>
  readonly roomServers: Pick<RoomServers, 'othersIn'>
}

/** Tells other servers of one kind of passing news: typing, receipts, presence. */
export interface EduSource {
  /** Begins with what comes from now on. */
  start(outlet: EduOutlet): void
  hear(news: readonly News[]): void
  /** A server took nothing: what is told to it from now on is lost. May be said more than once. */
  failing?(server: ServerName): void
  /** A server has all events that it missed. May be said of one that was not away. */
  back?(server: ServerName): void
  stop(): void
}
