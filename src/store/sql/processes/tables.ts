import type { UserTables } from '../engine/index.ts'

export interface ProcessTables extends UserTables {
  readonly homeserver: { readonly place: number; readonly name: string; readonly database_id: string }
  /** Read to learn the server's name in a database that does not tell it. */
  readonly accounts: { readonly user_number: number }
  readonly signing_keys: {
    readonly place: number
    readonly key_id: string
    readonly public_key: string
    readonly seed: string | null
  }
  readonly leases: { readonly name: string; readonly owner: string; readonly until_ms: number }
  readonly short_lived: {
    readonly kind: string
    readonly key: string
    readonly owner: string
    readonly body: string
    readonly expires_ms: number
  }
}
