import { parseVerifyKey, signedText, verifyJson } from '#rules'
import { isJsonObject, type JsonObject, type JsonValue, MatrixError, objectAt, stringAt, type UserId } from '#spec'
import type { CrossSigningKeyRecord, KeyUsage } from '#store'
import { assertSignatures, boundedJson, malformed } from './public-keys.ts'

const MAX_KEY_BYTES = 8_192

/** The members of the request for each usage, the master key first: it signs the others. */
export const KEY_MEMBERS: readonly (readonly [KeyUsage, string])[] = [
  ['master', 'master_key'],
  ['self_signing', 'self_signing_key'],
  ['user_signing', 'user_signing_key'],
]

/** A cross-signing key of the form of `CrossSigningKey`. Throws `M_BAD_JSON`, `M_INVALID_PARAM`, `M_TOO_LARGE`. */
export const checkedCrossSigningKey = (
  value: JsonValue,
  usage: KeyUsage,
  name: string,
  userId: UserId,
): CrossSigningKeyRecord => {
  if (!isJsonObject(value)) throw malformed(name)
  if (stringAt(value, 'user_id') !== userId) {
    throw new MatrixError('M_INVALID_PARAM', `${name}.user_id is not the user whose access token this is`)
  }
  const usages: JsonValue | undefined = value.usage
  if (!Array.isArray(usages) || !usages.includes(usage)) {
    throw new MatrixError('M_INVALID_PARAM', `${name}.usage must have ${usage}`)
  }
  const [[id, publicKey] = [], ...more] = Object.entries(objectAt(value, 'keys') ?? {})
  if (id === undefined || typeof publicKey !== 'string' || more.length > 0) {
    throw new MatrixError('M_INVALID_PARAM', `${name}.keys must have exactly one key`)
  }
  if (id !== `ed25519:${publicKey}` || publicKey.endsWith('=') || parseVerifyKey(publicKey) === undefined) {
    throw new MatrixError('M_INVALID_PARAM', `${name}.keys must have an Ed25519 key under its own name`)
  }
  if (value.signatures !== undefined) assertSignatures(value.signatures, `${name}.signatures`)
  const { unsigned: _, ...signed } = value
  return { usage, publicKey, keyJson: boundedJson(signed, MAX_KEY_BYTES, name) }
}

/** Throws `M_INVALID_SIGNATURE` if the master key has not signed the key. */
export const assertSignedByMaster = (
  key: CrossSigningKeyRecord,
  master: CrossSigningKeyRecord,
  userId: UserId,
): void => {
  if (isSignedBy(JSON.parse(key.keyJson) as JsonObject, userId, master.publicKey)) return
  throw new MatrixError('M_INVALID_SIGNATURE', `The ${key.usage} key has no valid signature of the master key`)
}

/** Whether the object has a valid signature of the user's cross-signing key. */
const isSignedBy = (object: JsonObject, userId: UserId, publicKey: string): boolean => {
  const key = parseVerifyKey(publicKey)
  return key !== undefined && verifyJson(object, userId, `ed25519:${publicKey}`, key)
}

/** Whether two objects are the same but for their signatures. */
export const isSameSigned = (one: JsonObject, other: JsonObject): boolean => {
  const [text, otherText] = [signedText(one), signedText(other)]
  return text.ok && otherText.ok && text.value === otherText.value
}
