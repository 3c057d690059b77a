import { queriesOver } from '../engine/index.ts'
import type { CrossSigningTables } from './cross-signing-tables.ts'

export interface RemoteListsTables extends CrossSigningTables {
  readonly remote_device_lists: {
    readonly user_number: number
    readonly server: string
    readonly known_ids: string
    readonly asked_position: number
    readonly ask_at_ms: number | null
    readonly failures: number
  }
  readonly remote_devices: {
    readonly user_number: number
    readonly device_id: string
    readonly keys_json: string
    readonly display_name: string | null
  }
  /** Tables of others, as far as they are read here. */
  readonly servers: { readonly server: number; readonly name: string }
  readonly room_servers: { readonly room: number; readonly server: number; readonly since: number }
}

export const query = queriesOver<RemoteListsTables>()
