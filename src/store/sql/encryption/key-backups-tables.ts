import type { Generated } from 'kysely'
import { queriesOver } from '../engine/index.ts'

export interface KeyBackupTables {
  readonly key_backups: {
    readonly backup: Generated<number>
    readonly user_number: number
    readonly version: number
    readonly algorithm: string
    readonly auth_data_json: string
    readonly device_id: string
    readonly etag: number
    readonly sessions: number
    readonly size_bytes: number
  }
  readonly key_backup_versions: { readonly user_number: number; readonly newest: number }
  readonly key_backup_sessions: {
    readonly backup: number
    readonly session_id: string
    readonly room_id: string
    readonly first_message_index: number
    readonly forwarded_count: number
    readonly is_verified: number
    readonly session_json: string
    readonly size_bytes: number
  }
  readonly gone_key_backups: { readonly backup: number }
}

export const query = queriesOver<KeyBackupTables>()
