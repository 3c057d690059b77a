import { type Clock, yieldToEventLoop } from '#base'
import { parseVerifyKey, verifyJson } from '#rules'
import {
  type DeviceId,
  type Errcode,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  MatrixError,
  objectAt,
  stringAt,
  type UserId,
} from '#spec'
import {
  type Commit,
  type CrossSigningKeyRecord,
  type CrossSigningReader,
  type CrossSigningWriter,
  type DeviceKeysReader,
  QueuedChanges,
  type UserNumber,
  type VerifiedSignature,
} from '#store'
import { isSameSigned } from './cross-signing-keys.ts'
import type { KeysOfUsers } from './keys-of-users.ts'

export interface UploadSignaturesParts {
  readonly keysOfUsers: Pick<KeysOfUsers, 'query'>
  readonly deviceKeys: Pick<DeviceKeysReader, 'keysOfUsers'>
  readonly reader: CrossSigningReader
  readonly writer: CrossSigningWriter
  readonly commit: Commit
  readonly clock: Clock
}

/** By user and key: why its signatures were not taken. */
export type SignatureFailures = Readonly<Record<string, Readonly<Record<string, SignatureFailure>>>>
export type SignatureFailure = { readonly errcode: Errcode; readonly error: string }

/** The keys of the signer, which sign and are signed. */
interface OwnKeys {
  readonly devices: ReadonlyMap<string, string>
  readonly master: CrossSigningKeyRecord | undefined
  readonly selfSigning: CrossSigningKeyRecord | undefined
  readonly userSigning: CrossSigningKeyRecord | undefined
}

interface Upload {
  readonly signer: UserId
  readonly target: UserId
  readonly keyId: string
  readonly object: JsonObject
}

/** A key that is to be signed, and the public keys whose signatures of it count, by the ids of these keys. */
interface Signable {
  readonly stored: JsonObject
  /** Undefined for a key of another server. */
  readonly keyJson: string | undefined
  readonly signers: ReadonlyMap<string, string>
}

const MAX_KEYS = 1_000
const KEYS_A_SLICE = 20
/** Keys may be asked of other servers. */
const TIMEOUT_MS = 10_000

/**
 * `POST /keys/signatures/upload`. A user's self-signing key signs their devices, their devices sign their master key, and their user-signing
 * key signs the master keys of others. Client-server API, "Cross-signing".
 */
export class UploadSignatures {
  readonly #parts: UploadSignaturesParts
  /** By the user who signs. */
  readonly #changes = new QueuedChanges<UserNumber>()

  constructor(parts: UploadSignaturesParts) {
    this.#parts = parts
  }

  /** Stores the signatures that are valid. Returns why others are not taken. Throws `M_BAD_JSON`, `M_TOO_LARGE`. */
  async upload(
    signer: { readonly userId: UserId; readonly user: UserNumber },
    body: ReadonlyMap<UserId, JsonObject>,
  ): Promise<SignatureFailures> {
    const uploads = uploadsIn(signer.userId, body)
    return this.#changes.run(signer.user, async () => {
      const { signatures, failures } = await this.#verify(signer.userId, uploads)
      if (signatures.length > 0) {
        await this.#parts.commit([this.#parts.writer.addSignatures(signer.user, signatures)])
      }
      return failures
    })
  }

  async #verify(
    signer: UserId,
    uploads: readonly Upload[],
  ): Promise<{ readonly signatures: readonly VerifiedSignature[]; readonly failures: SignatureFailures }> {
    const own = await this.#ownKeys(signer)
    const masters = await this.#masterKeys(signer, new Set(uploads.map(({ target }) => target)))
    const signatures: VerifiedSignature[] = []
    const failures: Record<string, Record<string, SignatureFailure>> = {}
    let count = 0
    for (const upload of uploads) {
      const signable = signableOf(upload, own, masters)
      const outcome = signable === undefined ? NO_SUCH_KEY : verified(upload, signable)
      if ('errcode' in outcome) failures[upload.target] = { ...failures[upload.target], [upload.keyId]: outcome }
      else signatures.push(...outcome.signatures)
      if (++count % KEYS_A_SLICE === 0) await yieldToEventLoop(this.#parts.clock)
    }
    return { signatures, failures }
  }

  async #ownKeys(userId: UserId): Promise<OwnKeys> {
    const records = (await this.#parts.deviceKeys.keysOfUsers([userId])).get(userId) ?? []
    const keys = (await this.#parts.reader.keysOf([userId])).get(userId) ?? []
    return {
      devices: new Map(records.map(({ deviceId, keysJson }) => [deviceId, keysJson])),
      master: keys.find(({ usage }) => usage === 'master'),
      selfSigning: keys.find(({ usage }) => usage === 'self_signing'),
      userSigning: keys.find(({ usage }) => usage === 'user_signing'),
    }
  }

  /** Master keys of others, wherever they are. */
  async #masterKeys(signer: UserId, targets: ReadonlySet<UserId>): Promise<ReadonlyMap<UserId, JsonObject>> {
    const others = [...targets].filter((target) => target !== signer)
    if (others.length === 0) return new Map()
    // No device has an empty id, so that none is read.
    const wanted = new Map(others.map((userId) => [userId, ['' as DeviceId]]))
    const { found } = await this.#parts.keysOfUsers.query(wanted, signer, TIMEOUT_MS)
    const masters = new Map<UserId, JsonObject>()
    for (const [userId, { master }] of found) {
      if (master !== undefined) masters.set(userId, JSON.parse(master) as JsonObject)
    }
    return masters
  }
}

const uploadsIn = (signer: UserId, body: ReadonlyMap<UserId, JsonObject>): readonly Upload[] => {
  const uploads: Upload[] = []
  for (const [target, keys] of body) {
    for (const [keyId, object] of Object.entries(keys)) {
      if (!isJsonObject(object)) throw new MatrixError('M_BAD_JSON', 'A signed key is not an object')
      uploads.push({ signer, target, keyId, object })
    }
  }
  if (uploads.length > MAX_KEYS) {
    throw new MatrixError('M_TOO_LARGE', `A request has signatures of at most ${MAX_KEYS} keys`, { status: 400 })
  }
  return uploads
}

const signableOf = (
  { signer, target, keyId }: Upload,
  own: OwnKeys,
  masters: ReadonlyMap<UserId, JsonObject>,
): Signable | undefined => {
  if (target !== signer) {
    const stored = masters.get(target)
    if (stored === undefined || !hasKey(stored, keyId)) return undefined
    return { stored, keyJson: undefined, signers: signersOf(own.userSigning) }
  }
  const device = own.devices.get(keyId)
  if (device !== undefined) {
    return { stored: JSON.parse(device) as JsonObject, keyJson: device, signers: signersOf(own.selfSigning) }
  }
  if (own.master === undefined || own.master.publicKey !== keyId) return undefined
  const { keyJson } = own.master
  return { stored: JSON.parse(keyJson) as JsonObject, keyJson, signers: deviceSigners(own.devices) }
}

const hasKey = (key: JsonObject, publicKey: string): boolean =>
  stringAt(objectAt(key, 'keys') ?? {}, `ed25519:${publicKey}`) === publicKey

const signersOf = (key: CrossSigningKeyRecord | undefined): ReadonlyMap<string, string> =>
  new Map(key === undefined ? [] : [[`ed25519:${key.publicKey}`, key.publicKey]])

const deviceSigners = (devices: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
  const signers = new Map<string, string>()
  for (const [deviceId, keysJson] of devices) {
    const keyId = `ed25519:${deviceId}`
    const publicKey = stringAt(objectAt(JSON.parse(keysJson) as JsonObject, 'keys') ?? {}, keyId)
    if (publicKey !== undefined) signers.set(keyId, publicKey)
  }
  return signers
}

const NO_SUCH_KEY: SignatureFailure = { errcode: 'M_NOT_FOUND', error: 'There is no such key to sign' }

/** Signatures that are new here and valid. One that is not valid spoils the others of its key, as the client is told of the key alone. */
const verified = (
  { signer, target, keyId, object }: Upload,
  { stored, keyJson, signers }: Signable,
): SignatureFailure | { readonly signatures: readonly VerifiedSignature[] } => {
  if (!isSameSigned(object, stored)) return invalid('The signed object is not the key that is stored')
  const given = objectAt(objectAt(object, 'signatures') ?? {}, signer) ?? {}
  const signatures: VerifiedSignature[] = []
  for (const [signerKey, signature] of Object.entries(given) as [string, JsonValue][]) {
    const publicKey = signers.get(signerKey)
    if (publicKey === undefined) continue
    const isValid = parseVerifyKey(publicKey)
    if (typeof signature !== 'string' || isValid === undefined || !verifyJson(object, signer, signerKey, isValid)) {
      return invalid(`The signature by ${signerKey} is not valid`)
    }
    signatures.push({ target, targetKey: keyId, signer, signerKey, signature, keyJson })
  }
  if (signatures.length === 0) return invalid('There is no signature by a key that may sign this one')
  return { signatures }
}

const invalid = (error: string): SignatureFailure => ({ errcode: 'M_INVALID_SIGNATURE', error })
