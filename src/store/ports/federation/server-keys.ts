import type { ServerName } from '#spec'
import type { Change } from '../engine/change.ts'

/** A key of another server, as that server, or a notary, said last. */
export interface ServerKeyRecord {
  readonly server: ServerName
  /** `ed25519:NAME` */
  readonly keyId: string
  /** Unpadded Base64, 32 bytes. */
  readonly publicKey: string
  /** The last time at which the key is known to be valid. */
  readonly validUntilMs: number
  /** Whether the server says that the key is out of use: then that is the end of it. */
  readonly expired: boolean
  /** The signed answer that has the key, as canonical JSON, for those who ask this server about it. */
  readonly answerJson: string
}

export interface ServerKeysReader {
  serverKeys(server: ServerName): Promise<readonly ServerKeyRecord[]>
}

export interface ServerKeysWriter {
  /** Adds keys, and replaces what was known of those with the same bytes. A known key id never gets other bytes. */
  put(keys: readonly ServerKeyRecord[]): Change<void>
}
