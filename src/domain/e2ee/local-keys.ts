import { type Clock, yieldToEventLoop } from '#base'
import type { DeviceId, JsonObject, UserId } from '#spec'
import type { Commit, DeviceKeysReader, DeviceKeysRecord, DeviceKeysWriter, KeyClaim } from '#store'
import type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from './key-source.ts'

export interface LocalKeysParts {
  readonly reader: DeviceKeysReader
  readonly writer: DeviceKeysWriter
  readonly commit: Commit
  readonly clock: Clock
}

/** Devices whose keys are parsed in one slice of the event loop. */
const DEVICES_A_SLICE = 200

/** Keys of the users of this server. */
export class LocalKeys implements KeySource {
  readonly #parts: LocalKeysParts

  constructor(parts: LocalKeysParts) {
    this.#parts = parts
  }

  async query(wanted: DevicesWanted, asker: UserId): Promise<KeyAnswer<ReadonlyMap<UserId, UserKeys>>> {
    const { reader, clock } = this.#parts
    const stored = await reader.keysOfUsers([...wanted.keys()])
    const found = new Map<UserId, UserKeys>()
    let count = 0
    for (const [userId, records] of stored) {
      const only = new Set(wanted.get(userId))
      const devices = new Map<DeviceId, string>()
      for (const record of records) {
        if (only.size > 0 && !only.has(record.deviceId)) continue
        devices.set(record.deviceId, deviceKeys(record, userId === asker))
        if (++count % DEVICES_A_SLICE === 0) await yieldToEventLoop(clock)
      }
      found.set(userId, { devices })
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

/** The keys as they were uploaded. Names of devices are for their owner alone. */
const deviceKeys = ({ keysJson, displayName }: DeviceKeysRecord, isOwn: boolean): string => {
  const keys = JSON.parse(keysJson) as JsonObject
  const unsigned = isOwn && displayName !== undefined ? { device_display_name: displayName } : {}
  return JSON.stringify({ ...keys, unsigned })
}
