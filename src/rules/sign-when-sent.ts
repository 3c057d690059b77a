import { isJsonObject, type JsonObject, type JsonValue, serverOf, type UserId } from '#spec'
import { canonicalJson } from './canonical-json.ts'
import type { SigningKey } from './signatures.ts'

/** The `signatures` of a stored event of ours that is signed when it is sent to another server: its id does not hang on them, and most events never leave. */
export const SIGNED_WHEN_SENT: JsonObject = {}

/** Unpadded Base64 of the 64 bytes of an Ed25519 signature. */
const SIGNATURE_CHARACTERS = 86

/** The length that signatures by this key add to the text of an event without any. */
export const signatureBytes = ({ serverName, keyId }: SigningKey): number =>
  signaturesText(serverName, keyId, '').length + SIGNATURE_CHARACTERS - '{}'.length

const signaturesText = (serverName: string, keyId: string, signature: string): string =>
  JSON.stringify({ [serverName]: { [keyId]: signature } })

/**
 * The members that every room version keeps of an event when it is redacted, but for `content`, of which nothing is left, and `signatures`
 * (room versions, "Redactions"): what the signature covers.
 */
const COVERED = [
  'auth_events',
  'depth',
  'event_id',
  'hashes',
  'origin_server_ts',
  'prev_events',
  'room_id',
  'sender',
  'type',
] as const

/**
 * The canonical text of a PDU as it may leave: with our signature where the event is ours and has none yet, else as it is. The signature is the
 * one that it would have got when it was made, as Ed25519 has one only for each text and key; also where it was redacted since.
 */
export const signWhenSent = (json: string, key: SigningKey): string => {
  const at = unsignedAt(json)
  if (at === undefined) return json
  const pdu: unknown = JSON.parse(json)
  if (!isJsonObject(pdu as JsonValue)) return json
  const members = pdu as JsonObject
  if (serverOf(members.sender as UserId) !== key.serverName) return json
  const covered: Record<string, JsonValue> = { content: {} }
  for (const name of COVERED) {
    const value = members[name]
    if (value !== undefined) covered[name] = value
  }
  const text = canonicalJson(covered)
  if (!text.ok) throw new Error(`a stored event is not canonical: ${text.failure.reason}`)
  return (
    json.slice(0, at) + signaturesText(key.serverName, key.keyId, key.sign(text.value)) + json.slice(at + '{}'.length)
  )
}

const TYPE = ',"type":"'
const EMPTY = '"signatures":{}'

/**
 * Where the event's own empty `signatures` stand. In canonical JSON they are right before its `type`, as it has no state key. Nothing within strings looks like the beginning of `type`,
 * as quotes are escaped there, and all that `content` holds stands before.
 */
const unsignedAt = (json: string): number | undefined => {
  const end = json.lastIndexOf(TYPE)
  return end > 0 && json.endsWith(EMPTY, end) ? end - '{}'.length : undefined
}
