import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export type KeyUsage = 'master' | 'self_signing' | 'user_signing'

export interface CrossSigningKeyRecord {
  readonly usage: KeyUsage
  /** Unpadded Base64. */
  readonly publicKey: string
  /** Canonical JSON as it was uploaded, without `unsigned`. */
  readonly keyJson: string
}

/** A signature on a device's keys or on a cross-signing key, which was uploaded beside that key. */
export interface KeySignature {
  readonly target: UserId
  /** The id of a device, or a public key of cross-signing. */
  readonly targetKey: string
  readonly signer: UserId
  /** `ed25519:` and the id of a device, or a public key of cross-signing. */
  readonly signerKey: string
  readonly signature: string
}

/** Cross-signing keys of users, and signatures of keys (client-server API, "Cross-signing"). */
export interface CrossSigningReader {
  /** Users without any have no entry. */
  keysOf(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly CrossSigningKeyRecord[]>>
  /** Signatures on keys of these users that the users made themselves, or that `asker` made. */
  signaturesOn(userIds: readonly UserId[], asker: UserId | undefined): Promise<readonly KeySignature[]>
}

export interface NewCrossSigningKeys {
  readonly user: UserNumber
  /** The keys that were found stored, all of them. */
  readonly before: readonly CrossSigningKeyRecord[]
  /** Keys that are new; the others stay. */
  readonly keys: readonly CrossSigningKeyRecord[]
}

/** A verified signature, with the key that it was verified for. */
export interface VerifiedSignature extends KeySignature {
  /** As it is stored here; undefined for a key of another server. */
  readonly keyJson: string | undefined
}

export interface CrossSigningWriter {
  /**
   * Stores new keys, and removes signatures on and by those that they replace. Announces them in the stream `deviceLists`: a user-signing key
   * to the user alone. Conflict: `cross-signing-changed`, where the keys before are others.
   */
  setKeys(keys: NewCrossSigningKeys): Change<void>
  /**
   * Stores signatures. Announces those on the signer's own keys to all who share a room with the signer, and those on others' keys to the
   * signer, as changes of these others, in the stream `deviceLists`; none that were there. Conflict: `signed-key-changed`.
   */
  addSignatures(signer: UserNumber, signatures: readonly VerifiedSignature[]): Change<void>
  /** Removes the keys of an account that ends, and all signatures on and by keys of the user. */
  removeAll(user: UserNumber): Change<void>
}
