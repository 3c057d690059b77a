import type { Change } from '../engine/change.ts'

/** The Ed25519 key that all processes of the homeserver sign with. */
export interface SigningKeyRecord {
  /** `ed25519:NAME` */
  readonly keyId: string
  /** Unpadded Base64, 32 bytes. */
  readonly publicKey: string
  /** Unpadded Base64, 32 bytes. undefined: the configuration of each process holds it. */
  readonly seed: string | undefined
}

export interface SigningKeysReader {
  signingKey(): Promise<SigningKeyRecord | undefined>
}

export interface SigningKeysWriter {
  /** Conflict: `signing-key-exists`. */
  add(key: SigningKeyRecord): Change<void>
}
