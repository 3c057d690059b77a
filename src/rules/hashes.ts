import { hash, timingSafeEqual } from 'node:crypto'
import type { Result } from '#base'
import { fail, ok } from '#base'
import type { JsonObject, Pdu, RoomVersion } from '#spec'
import { decodeBase64, withoutPadding } from './base64.ts'
import type { CanonicalJsonFailure } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'
import { omitMembers } from './omit-members.ts'
import { redact } from './redaction.ts'

/** SHA-256 of a text's UTF-8, in unpadded Base64. */
export const sha256Base64 = (text: string): string => withoutPadding(hash('sha256', text, 'base64'))

/** SHA-256 of a text's UTF-8, in unpadded URL-safe Base64. */
export const sha256UrlSafeBase64 = (text: string): string => hash('sha256', text, 'base64url')

const OUTSIDE_CONTENT_HASH = ['hashes', 'signatures', 'unsigned']
const OUTSIDE_SIGNATURE = ['signatures', 'unsigned']

/** Server-server API, "Calculating the content hash for an event": unpadded Base64. */
export const contentHash = (version: RoomVersion, pdu: JsonObject): Result<string, CanonicalJsonFailure> => {
  const text = canonicalJson(omitMembers(pdu, OUTSIDE_CONTENT_HASH), { strict: version.strictCanonicalJson })
  return text.ok ? ok(sha256Base64(text.value)) : text
}

/**
 * Whether the event is what its sender hashed. If not, a server goes on with the redacted event ("Validating hashes and
 * signatures on received events").
 */
export const contentHashMatches = (version: RoomVersion, pdu: Pdu): boolean => {
  const claimed = decodeBase64(pdu.hashes.sha256)
  const actual = contentHash(version, pdu)
  if (claimed === undefined || !actual.ok) return false
  const bytes = Buffer.from(actual.value, 'base64')
  return claimed.length === bytes.length && timingSafeEqual(claimed, bytes)
}

/**
 * The canonical text that an event's signatures and its reference hash cover: the redacted event without `signatures`
 * and `unsigned`.
 */
export const essentialJson = (version: RoomVersion, pdu: Pdu): Result<string, CanonicalJsonFailure> =>
  canonicalJson(omitMembers(redact(version, pdu), OUTSIDE_SIGNATURE), { strict: version.strictCanonicalJson })

/** Server-server API, "Calculating the reference hash for an event": unpadded Base64, as room versions 1 and 2 cite it. */
export const referenceHash = (version: RoomVersion, pdu: Pdu): Result<string, CanonicalJsonFailure> => {
  const text = essentialJson(version, pdu)
  return text.ok ? ok(sha256Base64(text.value)) : fail(text.failure)
}
