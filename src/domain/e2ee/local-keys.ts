import { type Clock, yieldToEventLoop } from '#base'
import { type DeviceId, type JsonObject, objectAt, type UserId } from '#spec'
import type {
  Commit,
  CrossSigningKeyRecord,
  CrossSigningReader,
  DeviceKeysReader,
  DeviceKeysRecord,
  DeviceKeysWriter,
  KeyClaim,
  KeySignature,
} from '#store'
import type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from './key-source.ts'

export interface LocalKeysParts {
  readonly reader: DeviceKeysReader
  readonly writer: DeviceKeysWriter
  readonly crossSigning: CrossSigningReader
  readonly commit: Commit
  readonly clock: Clock
  /** Whether others are told the names of a user's devices. */
  readonly tellsNames: boolean
}

/** Devices whose keys are parsed in one slice of the event loop. */
const DEVICES_A_SLICE = 200

/** Keys of the users of this server. */
export class LocalKeys implements KeySource {
  readonly #parts: LocalKeysParts

  constructor(parts: LocalKeysParts) {
    this.#parts = parts
  }

  /** `asker`: undefined for another server, which is told what anybody may know. */
  async query(wanted: DevicesWanted, asker: UserId | undefined): Promise<KeyAnswer<ReadonlyMap<UserId, UserKeys>>> {
    const { reader, crossSigning, clock, tellsNames } = this.#parts
    const userIds = [...wanted.keys()]
    const stored = await reader.keysOfUsers(userIds)
    const keysOf = await crossSigning.keysOf(userIds)
    const signatures = signaturesByKey(await crossSigning.signaturesOn(userIds, asker))
    const found = new Map<UserId, UserKeys>()
    let count = 0
    for (const [userId, records] of stored) {
      const only = new Set(wanted.get(userId))
      const devices = new Map<DeviceId, string>()
      for (const record of records) {
        if (only.size > 0 && !only.has(record.deviceId)) continue
        const more = signatures.get(keyName(userId, record.deviceId))
        devices.set(record.deviceId, deviceKeys(record, userId, tellsNames || userId === asker, more))
        if (++count % DEVICES_A_SLICE === 0) await yieldToEventLoop(clock)
      }
      const withSignatures = ({ publicKey, keyJson }: CrossSigningKeyRecord): string =>
        JSON.stringify(withSignaturesOf(keyJson, userId, signatures.get(keyName(userId, publicKey))))
      found.set(userId, { devices, ...crossSigningKeys(keysOf.get(userId) ?? [], userId === asker, withSignatures) })
    }
    return { found, failures: {} }
  }

  async claim(wanted: ClaimsWanted): Promise<KeyAnswer<ClaimedKeys>> {
    const { reader, writer, commit } = this.#parts
    const deviceIds = new Set([...wanted.values()].flatMap((devices) => [...devices.keys()]))
    const named = await reader.devicesNamed([...wanted.keys()], [...deviceIds])
    const owners = new Map(named.map((device) => [device.device, device]))
    const claims: KeyClaim[] = []
    for (const { userId, user, deviceId, device } of named) {
      const algorithm = wanted.get(userId)?.get(deviceId)
      if (algorithm !== undefined) claims.push({ user, device, algorithm })
    }
    const found = new Map<UserId, Map<DeviceId, { readonly name: string; readonly keyJson: string }>>()
    if (claims.length === 0) return { found, failures: {} }
    const [keys] = await commit([writer.claim(claims)])
    for (const { device, algorithm, keyId, keyJson } of keys) {
      const owner = owners.get(device)
      if (owner === undefined) continue
      const ofUser = found.get(owner.userId) ?? new Map<DeviceId, { readonly name: string; readonly keyJson: string }>()
      found.set(owner.userId, ofUser)
      ofUser.set(owner.deviceId, { name: `${algorithm}:${keyId}`, keyJson })
    }
    return { found, failures: {} }
  }
}

/** A user id has no space. */
const keyName = (userId: UserId, key: string): string => `${userId} ${key}`

const signaturesByKey = (signatures: readonly KeySignature[]): ReadonlyMap<string, readonly KeySignature[]> => {
  const byKey = new Map<string, KeySignature[]>()
  for (const signature of signatures) {
    const name = keyName(signature.target, signature.targetKey)
    const held = byKey.get(name)
    if (held === undefined) byKey.set(name, [signature])
    else held.push(signature)
  }
  return byKey
}

/** The keys as they were uploaded, with the signatures uploaded later. `tellsName`: whether the asker is told the name of the device. */
const deviceKeys = (
  { keysJson, displayName }: DeviceKeysRecord,
  userId: UserId,
  tellsName: boolean,
  more: readonly KeySignature[] | undefined,
): string => {
  const unsigned = tellsName && displayName !== undefined ? { device_display_name: displayName } : {}
  return JSON.stringify({ ...withSignaturesOf(keysJson, userId, more), unsigned })
}

/** Passes on only the user's own signatures of those that came with the key: nobody has verified the others. */
const withSignaturesOf = (keyJson: string, userId: UserId, more: readonly KeySignature[] = []): JsonObject => {
  const key = JSON.parse(keyJson) as JsonObject
  const own = objectAt(objectAt(key, 'signatures') ?? {}, userId)
  if (own === undefined && more.length === 0) {
    const { signatures: _, ...rest } = key
    return key.signatures === undefined ? rest : { ...rest, signatures: {} }
  }
  const signatures = new Map<string, JsonObject>(own === undefined ? [] : [[userId, own]])
  for (const { signer, signerKey, signature } of more) {
    signatures.set(signer, { ...signatures.get(signer), [signerKey]: signature })
  }
  return { ...key, signatures: Object.fromEntries(signatures) }
}

const crossSigningKeys = (
  keys: readonly CrossSigningKeyRecord[],
  isOwn: boolean,
  json: (key: CrossSigningKeyRecord) => string,
): Pick<UserKeys, 'master' | 'selfSigning' | 'userSigning'> => {
  const of = (usage: CrossSigningKeyRecord['usage']): string | undefined => {
    const key = keys.find((candidate) => candidate.usage === usage)
    return key === undefined ? undefined : json(key)
  }
  return {
    master: of('master'),
    selfSigning: of('self_signing'),
    userSigning: isOwn ? of('user_signing') : undefined,
  }
}
