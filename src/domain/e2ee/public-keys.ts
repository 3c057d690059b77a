import { canonicalJson } from '#rules'
import { type DeviceId, isJsonObject, type JsonValue, MatrixError, objectAt, stringAt, type UserId } from '#spec'
import type { PublicKeyRecord } from '#store'

/** Bounds on what one device may store; the largest keys of today have a few hundred bytes. */
const MAX_DEVICE_KEYS_BYTES = 32_768
const MAX_KEY_BYTES = 8_192
const MAX_KEY_ID_LENGTH = 255

export interface KeysDevice {
  readonly userId: UserId
  readonly deviceId: DeviceId
}

/**
 * The identity keys of a device as canonical JSON, without `unsigned`. Throws `M_BAD_JSON` for what is not of the form of `DeviceKeys`, and
 * `M_INVALID_PARAM` for keys of another user or device. What is taken here, other servers are told later: a malformed value would be refused
 * there, time and again.
 */
export const checkedDeviceKeys = (keys: JsonValue, { userId, deviceId }: KeysDevice): string => {
  if (!isJsonObject(keys)) throw malformed('device_keys')
  if (stringAt(keys, 'user_id') !== userId) throw notOwn('user_id', 'user')
  if (stringAt(keys, 'device_id') !== deviceId) throw notOwn('device_id', 'device')
  if (!isListOfTexts(keys.algorithms)) throw malformed('device_keys.algorithms')
  const publicKeys = objectAt(keys, 'keys')
  if (publicKeys === undefined) throw malformed('device_keys.keys')
  for (const [id, value] of Object.entries(publicKeys)) {
    if (typeof value !== 'string' || !isKeyIdOf(id, deviceId)) throw malformed('device_keys.keys')
  }
  assertSignatures(keys.signatures, 'device_keys.signatures')
  const { unsigned: _, ...signed } = keys
  return boundedJson(signed, MAX_DEVICE_KEYS_BYTES, 'device_keys')
}

/** One-time or fallback keys as `name` has them: `algorithm:id` to a text, or to an object with `key` and `signatures`. */
export const checkedPublicKeys = (keys: JsonValue | undefined, name: string): readonly PublicKeyRecord[] => {
  if (keys === undefined) return []
  if (!isJsonObject(keys)) throw malformed(name)
  return Object.entries(keys).map(([id, key]) => {
    const [algorithm = '', keyId = '', ...more] = id.split(':')
    if (algorithm === '' || keyId === '' || more.length > 0 || id.length > MAX_KEY_ID_LENGTH) throw malformed(name)
    if (key === undefined || !isPublicKey(key)) throw malformed(`${name}.${id}`)
    if (isJsonObject(key) && key.signatures !== undefined) assertSignatures(key.signatures, `${name}.${id}.signatures`)
    return { algorithm, keyId, keyJson: boundedJson(key, MAX_KEY_BYTES, `${name}.${id}`) }
  })
}

/** "There can only be at most one key per algorithm uploaded." */
export const checkedFallbackKeys = (keys: JsonValue | undefined): readonly PublicKeyRecord[] => {
  const checked = checkedPublicKeys(keys, 'fallback_keys')
  if (new Set(checked.map(({ algorithm }) => algorithm)).size < checked.length) {
    throw new MatrixError('M_INVALID_PARAM', 'fallback_keys has two keys of one algorithm')
  }
  return checked
}

/** Whether two keys in JSON are the same key: a client that repeats an upload may sign anew. */
export const isSameKey = (one: string, other: string): boolean =>
  one === other || unsignedKey(one) === unsignedKey(other)

const unsignedKey = (keyJson: string): string => {
  const key = JSON.parse(keyJson) as JsonValue
  if (!isJsonObject(key)) return keyJson
  const { signatures: _, ...rest } = key
  return JSON.stringify(rest)
}

/** Appendices, "Signing JSON": of each entity, signatures by the ids of their keys. */
export const assertSignatures = (signatures: JsonValue | undefined, name: string): void => {
  if (!isJsonObject(signatures)) throw malformed(name)
  for (const ofEntity of Object.values(signatures)) {
    if (!isJsonObject(ofEntity)) throw malformed(name)
    if (!Object.values(ofEntity).every((signature) => typeof signature === 'string')) throw malformed(name)
  }
}

export const boundedJson = (value: JsonValue, maxBytes: number, name: string): string => {
  const json = canonicalJson(value)
  if (!json.ok || json.value.includes('\\u0000')) throw malformed(name)
  if (Buffer.byteLength(json.value) > maxBytes) {
    throw new MatrixError('M_TOO_LARGE', `${name} has more than ${maxBytes} bytes`, { status: 400 })
  }
  return json.value
}

const isPublicKey = (key: JsonValue): boolean =>
  typeof key === 'string' || (isJsonObject(key) && stringAt(key, 'key') !== undefined)

/** `algorithm:device_id`; with a single colon, unless the device's id has some. */
const isKeyIdOf = (id: string, deviceId: DeviceId): boolean => {
  const at = id.indexOf(':')
  const name = id.slice(at + 1)
  return at > 0 && name !== '' && id.length <= 2 * MAX_KEY_ID_LENGTH && (name === deviceId || !name.includes(':'))
}

const isListOfTexts = (value: JsonValue | undefined): boolean =>
  Array.isArray(value) && value.every((entry: unknown) => typeof entry === 'string')

export const malformed = (name: string): MatrixError => new MatrixError('M_BAD_JSON', `${name} is malformed`)

const notOwn = (member: string, of: string): MatrixError =>
  new MatrixError('M_INVALID_PARAM', `device_keys.${member} is not the ${of} whose access token this is`)
