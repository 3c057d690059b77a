import { queriesOver } from '../engine/index.ts'
import type { EncryptionTables } from './tables.ts'

export interface CrossSigningTables extends EncryptionTables {
  readonly cross_signing_keys: {
    readonly user_number: number
    readonly usage: string
    readonly public_key: string
    readonly key_json: string
  }
  readonly key_signatures: {
    readonly target_user: number
    readonly target_key: string
    readonly signer: number
    readonly signer_key: string
    readonly signature: string
  }
}

export const query = queriesOver<CrossSigningTables>()
