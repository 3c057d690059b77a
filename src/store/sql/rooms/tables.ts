import type { Generated } from 'kysely'
import type { EventId, Membership, RoomId, UserId } from '#spec'
import { insertInto, queriesOver } from '../engine/index.ts'

/** See migration 0002 for owners and life times. */
export interface RoomTables {
  readonly users: { readonly user_number: Generated<number>; readonly user_id: UserId }
  readonly rooms: {
    readonly room: Generated<number>
    readonly room_id: RoomId
    readonly version: string
    readonly sequence: number
    /** JSON: a list of `[event id, depth]`. */
    readonly extremities: string
    readonly joined_count: number
    readonly invited_count: number
    readonly published: number
    readonly last_position: number
  }
  readonly events: {
    readonly position: number
    readonly event_id: EventId
    readonly room: number
    readonly type: string
    readonly state_key: string | null
    readonly sender: number
    readonly origin_server_ts: number
    readonly depth: number
    readonly rejected: number
    readonly soft_failed: number
    /** Position of the redaction. */
    readonly redacted_by: number | null
    /** For state: position of the event whose place it took. */
    readonly replaces: number | null
    readonly txn_device: number | null
    readonly txn_scope: string | null
    readonly txn_id: string | null
    readonly json: string
  }
  readonly state_log: {
    readonly room: number
    readonly type: string
    readonly state_key: string
    /** In force from here… */
    readonly position: number
    /** …to just before here; null while in force. */
    readonly until_position: number | null
    /** The event: the same position, but where state resolution brings an older event back. */
    readonly event_position: number
    readonly membership: Membership | null
  }
  readonly memberships: {
    readonly user_number: number
    readonly room: number
    readonly membership: Membership
    readonly position: number
    readonly forgotten: number
  }
  readonly room_purges: { readonly room: number; readonly room_id: RoomId }
  readonly aliases: { readonly alias: string; readonly room: number; readonly creator: number }
}

export const query = queriesOver<RoomTables>()

export const insertEvents = insertInto(
  'events',
  {
    position: 'integer',
    event_id: 'text',
    room: 'integer',
    type: 'text',
    state_key: 'text?',
    sender: 'integer',
    origin_server_ts: 'integer',
    depth: 'integer',
    rejected: 'integer',
    soft_failed: 'integer',
    replaces: 'integer?',
    txn_device: 'integer?',
    txn_scope: 'text?',
    txn_id: 'text?',
    json: 'text',
  },
  { ifExists: { txn_id: 'transaction-used', event_id: 'event-exists' } },
)

export const insertStateLog = insertInto('state_log', {
  room: 'integer',
  type: 'text',
  state_key: 'text',
  position: 'integer',
  until_position: 'integer?',
  event_position: 'integer',
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
