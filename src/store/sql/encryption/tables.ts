import type { Generated } from 'kysely'
import { queriesOver, type UserTables } from '../engine/index.ts'

export interface EncryptionTables extends UserTables {
  readonly device_keys: {
    readonly device: number
    readonly user_number: number
    readonly device_id: string
    readonly keys_json: string
  }
  readonly one_time_keys: {
    readonly one_time_key: Generated<number>
    readonly device: number
    readonly algorithm: string
    readonly key_id: string
    readonly key_json: string
    readonly claimed: number
    readonly position: number
  }
  readonly fallback_keys: {
    readonly device: number
    readonly algorithm: string
    readonly key_id: string
    readonly key_json: string
    readonly used: number
    readonly position: number
  }
  readonly device_list_changes: {
    readonly position: number
    readonly user_number: number
    /** The one user who is told; null for all who share a room with the user. */
    readonly told_to: number | null
    /** Empty: the cross-signing keys; null: several devices. */
    readonly device_id: string | null
  }
  /** Tables of others, as far as they are read here. */
  readonly devices: {
    readonly device: number
    readonly user_number: number
    readonly device_id: string
    readonly display_name: string | null
  }
  readonly accounts: { readonly user_number: number }
  readonly state_log: {
    readonly room: number
    readonly type: string
    readonly state_key: string
    readonly position: number
    readonly until_position: number | null
    readonly membership: string | null
  }
  readonly memberships: {
    readonly user_number: number
    readonly room: number
    readonly membership: string
    readonly position: number
  }
}

export const query = queriesOver<EncryptionTables>()
