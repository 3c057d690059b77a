import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { canonicalJson, encodeBase64 } from '#rules'
import type { JsonObject } from '#spec'
import type { Json, TestClient } from '../../support/client.ts'

/** An Ed25519 key pair, as clients have many. */
export interface SigningPair {
  /** Unpadded Base64. */
  readonly publicKey: string
  readonly sign: (object: JsonObject) => string
}

export const newPair = (): SigningPair => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { publicKey: encodeBase64(raw), sign: (object) => signature(object, privateKey) }
}

const signature = (object: JsonObject, key: KeyObject): string => {
  const { signatures: _signatures, unsigned: _unsigned, ...signed } = object
  const text = canonicalJson(signed)
  if (!text.ok) throw new Error(text.failure.reason)
  return encodeBase64(sign(null, Buffer.from(text.value), key))
}

/** The object with one more signature of the user. */
export const signed = (object: Json, userId: string, keyId: string, pair: SigningPair): Json => ({
  ...object,
  signatures: {
    ...object.signatures,
    [userId]: { ...object.signatures?.[userId], [keyId]: pair.sign(object) },
  },
})

/** The identity keys of a client's device, signed by the device. */
export const deviceKeysOf = (client: TestClient, pair: SigningPair = newPair(), extra: JsonObject = {}): Json => {
  const { userId, deviceId } = client
  const keys = {
    user_id: userId,
    device_id: deviceId,
    algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
    keys: { [`curve25519:${deviceId}`]: newPair().publicKey, [`ed25519:${deviceId}`]: pair.publicKey },
    ...extra,
  }
  return signed(keys, userId, `ed25519:${deviceId}`, pair)
}

/** One-time keys `signed_curve25519:<prefix><number>`, signed by nobody who is asked. */
export const oneTimeKeys = (prefix: string, count: number): JsonObject =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `signed_curve25519:${prefix}${index}`,
      oneTimeKey(`${prefix}${index}`),
    ]),
  )

export const oneTimeKey = (key: string, extra: JsonObject = {}): JsonObject => ({
  key,
  signatures: { '@somebody:localhost': { 'ed25519:D': 'c2lnbmF0dXJl' } },
  ...extra,
})

export const fallbackKey = (key: string): JsonObject => oneTimeKey(key, { fallback: true })

export const upload = (client: TestClient, body: Json): Promise<Json> => client.post('/v3/keys/upload', body)

export const queryOf = (client: TestClient, ...userIds: readonly string[]): Promise<Json> =>
  client.post('/v3/keys/query', { device_keys: Object.fromEntries(userIds.map((userId) => [userId, []])) })

/** Claims one key of a device: its id and value, or undefined where there is none. */
export const claim = async (
  client: TestClient,
  { userId, deviceId }: { readonly userId: string; readonly deviceId: string },
  algorithm = 'signed_curve25519',
): Promise<readonly [string, Json] | undefined> => {
  const body = { one_time_keys: { [userId]: { [deviceId]: algorithm } } }
  const answer = await client.post('/v3/keys/claim', body)
  return Object.entries(answer.one_time_keys[userId]?.[deviceId] ?? {})[0]
}
