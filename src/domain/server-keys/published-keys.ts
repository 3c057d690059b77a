import { canonicalJson, parseVerifyKey, signaturesOf, signedText, type VerifyKey, verifyJson } from '#rules'
import { isJsonObject, type JsonObject, type JsonValue, objectAt, type ServerName, stringAt } from '#spec'
import { isInsecureKey } from './insecure-keys.ts'

/** A public key as its server publishes it. */
export interface PublishedKey {
  /** `ed25519:NAME` */
  readonly keyId: string
  /** 32 bytes in unpadded Base64. */
  readonly publicKey: string
  readonly key: VerifyKey
  /** The last time at which it is valid: for a key in use as far as the server vouches for it, else the time at which it went out of use. */
  readonly validUntilMs: number
  /** Whether it is out of use, by the word of its server. */
  readonly expired: boolean
}

/** The answer of a server about its keys (server-server API, "Publishing Keys"), which it signed itself. */
export interface PublishedKeys {
  readonly serverName: ServerName
  readonly validUntilMs: number
  readonly keys: readonly PublishedKey[]
  /** The answer as canonical JSON. */
  readonly json: string
}

/** "Servers MUST use the lesser of this field and 7 days into the future." */
const LONGEST_VALID_MS = 7 * 24 * 3_600_000
/** Keys of one server; more are nobody's honest answer. */
const MAX_KEYS = 32
/** Of an answer; it is kept with each key in it. */
const MAX_LENGTH = 16 * 1024
const KEY_ID = /^ed25519:[A-Za-z0-9_.+-]{1,128}$/

/** Reads an answer about the keys of `server`. undefined where it is none, of another server, or not signed with one of the keys in it. */
export const parsePublishedKeys = (value: JsonValue, server: ServerName, nowMs: number): PublishedKeys | undefined => {
  if (!isJsonObject(value) || stringAt(value, 'server_name') !== server) return undefined
  const validUntil = value.valid_until_ts
  if (typeof validUntil !== 'number' || !Number.isSafeInteger(validUntil)) return undefined
  const validUntilMs = Math.min(validUntil, nowMs + LONGEST_VALID_MS)
  const current = keysIn(objectAt(value, 'verify_keys'), false, () => validUntilMs)
  const old = keysIn(objectAt(value, 'old_verify_keys'), true, ({ expired_ts: at }) =>
    typeof at === 'number' && Number.isSafeInteger(at) ? Math.min(at, nowMs) : undefined,
  )
  const names = new Set(current.map(({ keyId }) => keyId))
  const keys = [...current, ...old.filter(({ keyId }) => !names.has(keyId))]
  if (current.length === 0 || keys.length > MAX_KEYS || !isSignedBy(value, server, current)) return undefined
  const json = canonicalJson(value)
  if (!json.ok || json.value.length > MAX_LENGTH) return undefined
  return { serverName: server, validUntilMs, keys, json: json.value }
}

const keysIn = (
  listed: JsonObject | undefined,
  expired: boolean,
  validUntilOf: (entry: JsonObject) => number | undefined,
): readonly PublishedKey[] =>
  Object.entries(listed ?? {}).flatMap(([keyId, entry]) => {
    const publicKey = isJsonObject(entry) ? stringAt(entry, 'key') : undefined
    const validUntilMs = isJsonObject(entry) ? validUntilOf(entry) : undefined
    if (publicKey === undefined || validUntilMs === undefined || !KEY_ID.test(keyId)) return []
    const key = parseVerifyKey(publicKey)
    const bytes = publicKey.replace(/=+$/, '')
    return key === undefined || isInsecureKey(bytes) ? [] : [{ keyId, publicKey: bytes, key, validUntilMs, expired }]
  })

/** The server holds a key that it publishes; and no signature by one of its keys is wrong. */
const isSignedBy = (object: JsonObject, server: ServerName, keys: readonly PublishedKey[]): boolean => {
  if (!signedText(object).ok) return false
  const known = new Map(keys.map(({ keyId, key }) => [keyId, key]))
  const made = signaturesOf(object, server).flatMap(({ keyId }) => {
    const key = known.get(keyId)
    return key === undefined ? [] : [verifyJson(object, server, keyId, key)]
  })
  return made.length > 0 && made.every(Boolean)
}
