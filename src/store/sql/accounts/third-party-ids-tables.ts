import type { AccountTables } from './accounts-tables.ts'

export interface ThirdPartyIdTables extends Pick<AccountTables, 'users' | 'accounts'> {
  readonly third_party_ids: {
    readonly medium: string
    readonly address: string
    readonly user_number: number
    readonly validated_ms: number
    readonly added_ms: number
  }
  readonly identity_bindings: {
    readonly user_number: number
    readonly medium: string
    readonly address: string
    readonly id_server: string
  }
}

export interface EmailValidationTables {
  readonly email_validations: {
    readonly sid: string
    readonly secret_hash: string
    readonly address: string
    readonly purpose: string
    readonly token_hashes: string
    readonly attempt: number | null
    readonly sent_ms: number | null
    readonly next_link: string | null
    readonly wrong: number
    readonly expires_ms: number
    readonly validated_ms: number | null
  }
}
