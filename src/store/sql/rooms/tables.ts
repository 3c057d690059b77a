import type { Generated } from 'kysely'
import type { EventId, Membership, RoomId, ServerName, UserId } from '#spec'
import type { EventPlacing } from '../../ports/rooms/events.ts'
import { insertInto, queriesOver } from '../engine/index.ts'
import type { RelationTables } from './relation-tables.ts'

/** Migration 0002 names owners and life times. */
export interface RoomTables extends RelationTables {
  readonly forgotten_transactions: { readonly id: number; readonly up_to: number }
  readonly users: { readonly user_number: Generated<number>; readonly user_id: UserId }
  readonly rooms: {
    readonly room: Generated<number>
    readonly room_id: RoomId
    readonly version: string
    readonly sequence: number
    /** JSON, a list of `[event id, depth]`; null: the newest event of the timeline is the only extremity. */
    readonly extremities: string | null
    readonly joined_count: number
    readonly invited_count: number
    readonly published: number
    readonly last_resolved_position: number
    readonly last_removal_position: Generated<number>
    /** Null until the first change of the state by a version that counts it. */
    readonly state_bytes: number | null
    readonly state_entries: number | null
    /** Entries of the current state, members included. */
    readonly state_events: Generated<number>
    /** Position from which a state is in force that lacks members; null if none does. */
    readonly partial_since: number | null
    /** Position at which members that lacked came. */
    readonly whole_since: number | null
  }
  /** Migration 0970. */
  readonly partial_rooms: {
    readonly room: number
    readonly join_id: EventId
    readonly server: ServerName
    readonly failures: number
    readonly due_ms: number
  }
  readonly events: {
    readonly event: number
    readonly event_id: EventId
    readonly room: number
    /** The same as `event` if the event is in the stream of events, else null. */
    readonly position: number | null
    /** A code of `PLACINGS`. */
    readonly placed: number
    readonly type: string
    readonly state_key: string | null
    readonly sender: number
    readonly origin_server_ts: number
    readonly depth: number
    readonly prior_at: number | null
    /** A state of `branch_states`; null if the state before is the log at `prior_at`. */
    readonly prior_state: number | null
    /** Fetched history: it came before this position of the stream, or at it. */
    readonly history_at: number | null
    /** Number of the redaction. */
    readonly redacted_by: number | null
    /** For state: number of the event that it replaced. */
    readonly replaces: number | null
    readonly txn_device: number | null
    readonly txn_scope: string | null
    readonly txn_id: string | null
    readonly json: string
  }
  readonly branch_states: {
    readonly state: Generated<number>
    readonly room: number
    readonly at: number
    /** JSON: the states on which it builds, nearest first. */
    readonly chain: string
  }
  readonly branch_entries: {
    readonly state: number
    readonly type: string
    readonly state_key: string
    readonly event: number | null
  }
  readonly refusals: { readonly event: number; readonly reason: string }
  readonly lacking_events: { readonly room: number; readonly lacked: EventId; readonly event_id: EventId }
  readonly waiting_redactions: { readonly room: number; readonly target: EventId; readonly redaction: EventId }
  readonly entering_entries: {
    readonly room: number
    readonly type: string
    readonly state_key: string
    readonly event: number
    readonly membership: Membership | null
  }
  readonly resolved_changes: {
    readonly room: number
    readonly position: number
    readonly type: string
    readonly state_key: string
    readonly before: number | null
    readonly after: number | null
  }
  readonly missing_events: {
    readonly room: number
    readonly event_id: EventId
    readonly depth: number
    readonly history_at: number
  }
  readonly state_log: {
    readonly room: number
    readonly type: string
    readonly state_key: string
    /** First position at which the entry is in force. */
    readonly position: number
    /** Position from which it is no longer in force; null while it is. */
    readonly until_position: number | null
    /** Null: the entry was taken away. */
    readonly event: number | null
    readonly membership: Membership | null
  }
  readonly memberships: {
    readonly user_number: number
    readonly room: number
    readonly membership: Membership
    readonly position: number
    readonly forgotten: number
  }
  readonly servers: { readonly server: Generated<number>; readonly name: ServerName }
  readonly room_servers: {
    readonly room: number
    readonly server: number
    readonly joined: number
    readonly since: number
  }
  readonly past_room_servers: {
    readonly room: number
    readonly server: number
    readonly since: number
    readonly until: number
  }
  /** Migration 0590. */
  readonly outgoing_rooms: { readonly room: number; readonly position: number }
  readonly room_listings: {
    readonly room: number
    readonly shown: string
    readonly searchable: string
    readonly room_type: string
  }
  readonly room_purges: { readonly room: number; readonly room_id: RoomId }
  /** Migration 0350. */
  readonly search_texts: {
    readonly event: number
    readonly room: number
    /** Words that say where the text stands. */
    readonly place: string
    readonly words: string
  }
  readonly search_edits: { readonly event: number; readonly original: number }
  /** Migration 0845. */
  readonly room_overviews: {
    readonly room: number
    readonly name: string
    readonly name_order: string
    readonly canonical_alias: string
    readonly searchable: string
    readonly creator: string
    readonly encryption: string
    readonly federatable: number
    readonly join_rules: string
    readonly guest_access: string
    readonly history_visibility: string
    readonly room_type: string
    readonly filled: number
  }
  readonly blocked_rooms: { readonly room_id: RoomId; readonly blocked_by: string; readonly blocked_ms: number }
  readonly open_rooms: { readonly room: number }
  /** Migration 0980. */
  readonly rooms_to_name: { readonly room: number; readonly position: number; readonly user_number: number }
  readonly search_again: { readonly event: number }
  readonly aliases: { readonly alias: string; readonly room: number; readonly creator: number }
}

export const query = queriesOver<RoomTables>()

/** The codes of placings. The index of histories holds codes up to 1: the two that stand in a room's history. */
export const PLACINGS = [
  'timeline',
  'history',
  'outlier',
  'soft-failed',
  'rejected',
] as const satisfies readonly EventPlacing[]

export const insertEvents = insertInto(
  'events',
  {
    event: 'integer',
    event_id: 'text',
    room: 'integer',
    position: 'integer?',
    placed: 'integer',
    type: 'text',
    state_key: 'text?',
    sender: 'integer',
    origin_server_ts: 'integer',
    depth: 'integer',
    prior_at: 'integer?',
    prior_state: 'integer?',
    history_at: 'integer?',
    replaces: 'integer?',
    txn_device: 'integer?',
    txn_scope: 'text?',
    txn_id: 'text?',
    json: 'text',
  },
  { ifExists: { txn_id: 'transaction-used', event_id: 'event-exists' } },
)

export const insertMissingEvents = insertInto(
  'missing_events',
  { room: 'integer', event_id: 'text', depth: 'integer', history_at: 'integer' },
  { ifExists: 'ignore' },
)

export const insertStateLog = insertInto('state_log', {
  room: 'integer',
  type: 'text',
  state_key: 'text',
  position: 'integer',
  until_position: 'integer?',
  event: 'integer?',
  membership: 'text?',
})

export const insertMemberships = insertInto('memberships', {
  user_number: 'integer',
  room: 'integer',
  membership: 'text',
  position: 'integer',
  forgotten: 'integer',
})

export const insertAliases = insertInto(
  'aliases',
  { alias: 'text', room: 'integer', creator: 'integer' },
  { ifExists: 'alias-exists' },
)

export const eventOfTransaction = query((db, param: { device: number; scope: string; id: string }) =>
  db
    .selectFrom('events')
    .select('event_id')
    .where('txn_device', '=', param.device)
    .where('txn_scope', '=', param.scope)
    .where('txn_id', '=', param.id),
)
