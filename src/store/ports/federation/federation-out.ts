import type { EventId, ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventNumber, RoomNumber } from '../rooms/events.ts'

/** An event that goes out to other servers: one by a user of this server, or one that this server took into the room for another. */
export interface OutgoingEvent {
  readonly position: EventNumber
  readonly eventId: EventId
  readonly room: RoomNumber
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: UserId
  /** The PDU in canonical JSON. A message of ours has no signature yet (`signWhenSent`). */
  readonly json: string
  /** For state: the event that it replaced. */
  readonly replacedJson: string | undefined
}

/** A server that did not take what was sent to it. */
export interface BehindDestination {
  readonly server: ServerName
  /** All that it has to get up to this position it has. */
  readonly position: number
  readonly failures: number
  readonly failingSinceMs: number
  /** undefined: nothing is sent until the server is heard of. */
  readonly retryAtMs: number | undefined
  readonly lastSuccessMs: number | undefined
}

/** An EDU that waits for a destination. */
export interface WaitingEdu {
  /** A position of the stream `federationEdus`. */
  readonly edu: number
  readonly json: string
}

export interface FederationOutReader {
  /** The position up to which every destination is served that is not behind. */
  progress(): Promise<number>
  /** In order of their names, those after one name. */
  behind(after: string, limit: number): Promise<readonly BehindDestination[]>
  /** Outgoing events of these rooms with `after` < position <= `upTo`, earliest first. */
  outgoingIn(
    rooms: readonly RoomNumber[],
    range: { readonly after: number; readonly upTo: number; readonly own: ServerName; readonly limit: number },
  ): Promise<readonly OutgoingEvent[]>
  /** The rooms of events with `after` < position <= `upTo`. */
  roomsBetween(after: number, upTo: number): Promise<readonly RoomNumber[]>
  /** The outgoing events of all rooms in which a server was right before them; those by its own users are left out. */
  outgoingTo(
    server: ServerName,
    range: { readonly after: number; readonly upTo: number; readonly own: ServerName; readonly limit: number },
  ): Promise<readonly OutgoingEvent[]>
  /** The newest outgoing event of each room in which the server is, of those after a position, earliest first. */
  newestTo(server: ServerName, after: number, limit: number): Promise<readonly OutgoingEvent[]>
  /** The servers for which EDUs with `after` < edu <= `upTo` wait. */
  serversWithEdus(after: number, upTo: number): Promise<readonly ServerName[]>
  /** The first EDUs that wait for a server. */
  waitingEdus(server: ServerName, limit: number): Promise<readonly WaitingEdu[]>
}

/** The state of the sender that must outlive a restart. */
export interface OutgoingProgress {
  readonly position: number
  /** The newest outgoing event of rooms. */
  readonly rooms: readonly { readonly room: RoomNumber; readonly position: number }[]
  readonly behind: readonly BehindDestination[]
  readonly caughtUp: readonly ServerName[]
}

export interface FederationOutWriter {
  save(progress: OutgoingProgress): Change<void>
  /** Has an event of another server sent to all others in the room once it is stored. To be committed before, or together with it. */
  forward(eventId: EventId): Change<void>
  /**
   * Lets an EDU wait for servers until they take it. With a key it replaces one with the same key that still waits. Returns its position; undefined for
   * no servers.
   */
  queueEdu(edu: {
    readonly servers: readonly ServerName[]
    /** Canonical JSON of the whole EDU. */
    readonly json: string
    readonly key?: string | undefined
  }): Change<number | undefined>
  /** Removes EDUs that a server took. */
  eduTaken(server: ServerName, edus: readonly number[]): Change<void>
  /** Removes what waits for a server that is given up, but for EDUs with a key. */
  giveUpEdus(server: ServerName): Change<void>
}
