import type { EventId, RoomId, UserId } from './ids.ts'
import type { JsonObject } from './json.ts'

/**
 * A persistent data unit as it stands on the wire (server-server API, "PDUs"), parsed but not trusted. References are
 * `[event id, {sha256}]` pairs in room versions 1 and 2, plain ids since.
 */
export interface Pdu extends JsonObject {
  readonly type: string
  readonly sender: string
  readonly content: JsonObject
  readonly origin_server_ts: number
  readonly depth: number
  readonly prev_events: readonly (string | readonly [string, JsonObject])[]
  readonly auth_events: readonly (string | readonly [string, JsonObject])[]
  readonly hashes: { readonly sha256: string }
  readonly signatures: { readonly [server: string]: { readonly [keyId: string]: string } }
  /** Absent in the create event of room version 12 and later. */
  readonly room_id?: string
  readonly state_key?: string
  readonly redacts?: string
  /** Only in room versions 1 and 2. */
  readonly event_id?: string
  readonly origin?: string
  readonly unsigned?: JsonObject
}

/** An event as the rules see it: identified, with the version's differences already taken out. */
export interface RoomEvent {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly type: string
  /** undefined for events that are not state. */
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly content: JsonObject
  readonly originServerTs: number
  readonly depth: number
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** The target of an `m.room.redaction`, wherever the room version keeps it. */
  readonly redacts: EventId | undefined
  /** True when the event failed authorisation on receipt; such an event must never count as an auth event. */
  readonly rejected: boolean
}

/** `type` and `state_key` of a state event. */
export interface StateTuple {
  readonly type: string
  readonly stateKey: string
}

/** Largest event, in bytes of canonical JSON (client-server API, "Size limits"). */
export const MAX_EVENT_BYTES = 65_536

export type Membership = 'invite' | 'join' | 'knock' | 'leave' | 'ban'
export const MEMBERSHIPS: readonly Membership[] = ['invite', 'join', 'knock', 'leave', 'ban']

export type HistoryVisibility = 'invited' | 'joined' | 'shared' | 'world_readable'
