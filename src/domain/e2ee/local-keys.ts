import { type Clock, yieldToEventLoop } from '#base'
import type { DeviceId, UserId } from '#spec'
import type {
  Commit,
  CrossSigningKeyRecord,
  CrossSigningReader,
  DeviceKeysReader,
  DeviceKeysWriter,
  KeyClaim,
} from '#store'
import type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from './key-source.ts'
import { crossSigningTexts, deviceKeysText, keyName, signaturesByKey, withSignaturesOf } from './signed-keys.ts'

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
        devices.set(record.deviceId, deviceKeysText(record, userId, tellsNames || userId === asker, more))
        if (++count % DEVICES_A_SLICE === 0) await yieldToEventLoop(clock)
      }
      const withSignatures = ({ publicKey, keyJson }: CrossSigningKeyRecord): string =>
        JSON.stringify(withSignaturesOf(keyJson, userId, signatures.get(keyName(userId, publicKey))))
      found.set(userId, { devices, ...crossSigningTexts(keysOf.get(userId) ?? [], userId === asker, withSignatures) })
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
