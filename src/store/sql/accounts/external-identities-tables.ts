import type { AccountTables } from './accounts-tables.ts'

export interface ExternalIdentityTables extends AccountTables {
  readonly external_identities: {
    readonly provider: string
    readonly subject: string
    readonly user_number: number
    readonly linked_ms: number
  }
}
