import type { EventId, JsonValue, RoomId, RoomVersion, ServerName } from '#spec'
import type { CheckedEvent, CheckFailure } from '../receiving/index.ts'

/** The checks on events from outside that need no room. */
export interface PduChecks {
  check(version: RoomVersion, pdus: readonly JsonValue[]): Promise<readonly (CheckedEvent | CheckFailure)[]>
}

export interface RoomAcls {
  allows(roomId: RoomId, server: ServerName): Promise<boolean>
}

/** Sends events of other servers' users on, which their servers gave to this one alone. */
export interface Forwarding {
  /** To be called before the event is taken into its room. */
  forward(eventId: EventId): Promise<void>
}

export interface AuthChains {
  /** The events from which these are authorised, and in turn those. */
  authChain(eventIds: readonly EventId[]): Promise<readonly EventId[]>
}
