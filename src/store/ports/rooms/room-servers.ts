import type { ServerName, UserId } from '#spec'
import type { RoomNumber } from './events.ts'

/** Internal number of a homeserver. */
export type ServerNumber = number

/** A homeserver that is in a room: at least one of its users is joined. */
export interface RoomServer {
  readonly server: ServerNumber
  readonly name: ServerName
  /** How many of its users are joined. */
  readonly joined: number
  /** Position of the event by which the server came into the room. */
  readonly since: number
}

export interface RoomServersReader {
  /** The servers in a room, this one among them, in order of their coming. */
  serversOf(room: RoomNumber): Promise<readonly RoomServer[]>
  isServerIn(room: RoomNumber, server: ServerName): Promise<boolean>
  /** The rooms in which both servers are: `own` is usually this server. */
  roomsSharedWith(server: ServerName, own: ServerName): Promise<readonly RoomNumber[]>
  /** The servers in the rooms to which a user is joined. */
  serversSharing(userId: UserId): Promise<readonly ServerName[]>
  /** The servers that were in the room right before the event at a position. */
  serversAt(room: RoomNumber, position: number): Promise<readonly Pick<RoomServer, 'server' | 'name'>[]>
}
