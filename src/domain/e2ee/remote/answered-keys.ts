import { type DeviceId, isJsonObject, type JsonObject, type JsonValue, objectAt, stringAt, type UserId } from '#spec'
import type { CrossSigningKeyRecord, DeviceKeysRecord } from '#store'
import { assertSignedByMaster, checkedCrossSigningKey } from '../cross-signing-keys.ts'
import { checkedDeviceKeys, checkedPublicKeys } from '../public-keys.ts'

/** The keys of one user as another server told them: what is malformed, or another's, is left out. */
export interface AnsweredKeys {
  readonly devices: readonly DeviceKeysRecord[]
  readonly crossSigning: readonly CrossSigningKeyRecord[]
}

/** Devices of one user that are taken; the others are left out. */
export const MAX_DEVICES = 1_000
const MAX_DEVICE_ID_LENGTH = 255
const MAX_NAME_LENGTH = 100

/** Keys of a device; undefined for what is none of that device. */
export const answeredDevice = (
  keys: JsonValue | undefined,
  userId: UserId,
  deviceId: string,
  name: string | undefined,
): DeviceKeysRecord | undefined => {
  if (keys === undefined || deviceId === '' || deviceId.length > MAX_DEVICE_ID_LENGTH) return undefined
  const keysJson = orNothing(() => checkedDeviceKeys(keys, { userId, deviceId: deviceId as DeviceId }))
  if (keysJson === undefined) return undefined
  return { deviceId: deviceId as DeviceId, displayName: clippedName(name), keysJson }
}

/** The devices that `POST user/keys/query` tells of one user. */
export const answeredDevices = (devices: JsonValue | undefined, userId: UserId): readonly DeviceKeysRecord[] =>
  !isJsonObject(devices)
    ? []
    : Object.entries(devices)
        .slice(0, MAX_DEVICES)
        .flatMap(([deviceId, keys]) => {
          const unsigned = isJsonObject(keys) ? objectAt(keys, 'unsigned') : undefined
          const name = unsigned && stringAt(unsigned, 'device_display_name')
          return answeredDevice(keys, userId, deviceId, name) ?? []
        })

/** A self-signing key counts only with the signature of the master key. */
export const answeredCrossSigning = (
  { master, selfSigning }: { readonly master: JsonValue | undefined; readonly selfSigning: JsonValue | undefined },
  userId: UserId,
): readonly CrossSigningKeyRecord[] => {
  const masterKey =
    master === undefined ? undefined : orNothing(() => checkedCrossSigningKey(master, 'master', 'master_key', userId))
  if (masterKey === undefined) return []
  const signing = orNothing(() => {
    if (selfSigning === undefined) return undefined
    const key = checkedCrossSigningKey(selfSigning, 'self_signing', 'self_signing_key', userId)
    assertSignedByMaster(key, masterKey, userId)
    return key
  })
  return signing === undefined ? [masterKey] : [masterKey, signing]
}

/** The one key of the algorithm that was asked for; undefined where there is none. */
export const answeredOneTimeKey = (
  keys: JsonValue | undefined,
  algorithm: string,
): { readonly name: string; readonly keyJson: string } | undefined => {
  if (!isJsonObject(keys)) return undefined
  const found = Object.entries(keys).find(([name]) => name.startsWith(`${algorithm}:`))
  if (found === undefined) return undefined
  const [name, key] = found
  const [checked] = orNothing(() => checkedPublicKeys({ [name]: key } as JsonObject, 'one_time_keys')) ?? []
  return checked && { name, keyJson: checked.keyJson }
}

export const clippedName = (name: string | undefined): string | undefined =>
  name?.toWellFormed().replaceAll('\u0000', '').slice(0, MAX_NAME_LENGTH)

/** The checks are those of uploads, which throw what clients are told. */
const orNothing = <Result>(check: () => Result): Result | undefined => {
  try {
    return check()
  } catch {
    return undefined
  }
}
