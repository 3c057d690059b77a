import type { Generated } from 'kysely'
import type { UserTables } from '../engine/index.ts'

export interface AccountTables extends UserTables {
  readonly accounts: {
    readonly user_number: number
    readonly password_hash: string | null
    readonly guest: number
    readonly admin: number
    readonly created_ms: number
    readonly deactivated_ms: number | null
    readonly erased: number
    readonly leaving: number
    readonly locked_ms: Generated<number | null>
    readonly suspended_ms: Generated<number | null>
    readonly name: string
    readonly user_type: Generated<string | null>
    readonly shadow_banned: Generated<number>
    readonly rate_per_second: Generated<number | null>
    readonly rate_burst: Generated<number | null>
    readonly expires_ms: Generated<number | null>
    readonly awaits_approval: Generated<number>
    readonly tell_end_ms: Generated<number | null>
  }
  readonly registration_tokens: {
    readonly token: string
    readonly uses_allowed: number | null
    readonly uses: number
    readonly expires_ms: number | null
  }
  readonly devices: {
    readonly device: Generated<number>
    readonly user_number: number
    readonly device_id: string
    readonly display_name: string | null
    readonly seen_ms: number | null
    readonly seen_ip: string | null
    readonly seen_user_agent: string | null
    readonly oauth_client: Generated<string | null>
    readonly oauth_admin: Generated<number | null>
  }
  readonly oauth_clients: {
    readonly client_id: string
    readonly metadata_json: string
    readonly metadata_hash: string
    readonly created_ms: number
    readonly used_ms: number
  }
  readonly dehydrated_devices: {
    readonly user_number: number
    readonly device: number
    readonly device_data_json: string
  }
  readonly gone_devices: { readonly device: number; readonly user_number: number; readonly device_id: string }
  readonly token_pairs: {
    readonly token: Generated<number>
    readonly device: number
    readonly access_hash: string
    readonly access_expires_ms: number | null
    readonly refresh_hash: string | null
    readonly refresh_expires_ms: number | null
    readonly predecessor: number | null
    readonly replaced: Generated<number>
  }
}
