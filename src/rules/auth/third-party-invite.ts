import type { JsonObject, RoomEvent } from '#spec'
import { isJsonObject, objectAt, stringAt } from '#spec'
import type { VerifyKey } from '../signatures.ts'
import { parseVerifyKey, signaturesOf, signedText } from '../signatures.ts'
import type { StateLookup } from './context.ts'
import type { AuthVerdict } from './refusal.ts'
import { ALLOWED, refuse } from './refusal.ts'

/**
 * The number of pairs of key and signature that are tried. Honest invites have one or two; a hostile pair of events has room for a
 * million, each some fifty microseconds. The specification sets no bound.
 */
const MAX_ATTEMPTS = 128
const MAX_LISTED_KEYS = 16

/** The rule for an invite whose content has `third_party_invite` (5.3.1 of room version 1). */
export const authoriseThirdPartyInvite = (
  event: RoomEvent,
  targetMembership: string | undefined,
  stateAt: StateLookup,
): AuthVerdict => {
  if (targetMembership === 'ban') return refuse({ reason: 'invite-target-banned' })
  const signed = objectAt(objectAt(event.content, 'third_party_invite') ?? {}, 'signed')
  const mxid = signed === undefined ? undefined : stringAt(signed, 'mxid')
  const token = signed === undefined ? undefined : stringAt(signed, 'token')
  if (signed === undefined || mxid === undefined || token === undefined)
    return refuse({ reason: 'third-party-invite-malformed' })
  if (mxid !== event.stateKey) return refuse({ reason: 'third-party-invite-for-other', mxid })
  const invite = stateAt('m.room.third_party_invite', token)
  if (invite === undefined) return refuse({ reason: 'third-party-invite-unknown', token })
  if (invite.sender !== event.sender) return refuse({ reason: 'third-party-invite-sender-mismatch' })
  return isSignedByAny(signed, publicKeysOf(invite.content))
    ? ALLOWED
    : refuse({ reason: 'third-party-invite-unsigned' })
}

/** A key that a third-party invite takes signatures of. */
export interface ThirdPartyInviteKey {
  readonly publicKey: string
  /** Says whether the key may still be used; undefined: for ever. */
  readonly validityUrl: string | undefined
}

/** The keys of a third-party invite that have signed this proof; the rules ask for one. */
export const thirdPartyInviteSigners = (invite: JsonObject, signed: JsonObject): readonly ThirdPartyInviteKey[] =>
  listedKeys(invite).filter(({ publicKey }) => isSignedByAny(signed, new Set([publicKey])))

const listedKeys = (content: JsonObject): readonly ThirdPartyInviteKey[] => {
  const listed = Object.hasOwn(content, 'public_keys') ? content.public_keys : undefined
  return [content, ...(Array.isArray(listed) ? listed.slice(0, MAX_LISTED_KEYS) : [])].flatMap((entry) => {
    const publicKey = isJsonObject(entry) ? stringAt(entry, 'public_key') : undefined
    const validityUrl = isJsonObject(entry) ? stringAt(entry, 'key_validity_url') : undefined
    return publicKey === undefined ? [] : [{ publicKey, validityUrl }]
  })
}

/** `public_key` and the `public_key` of each of `public_keys`, each once. */
const publicKeysOf = (content: JsonObject): ReadonlySet<string> => {
  const keys = new Set<string>()
  const single = stringAt(content, 'public_key')
  if (single !== undefined) keys.add(single)
  const listed = Object.hasOwn(content, 'public_keys') ? content.public_keys : undefined
  for (const entry of Array.isArray(listed) ? listed : []) {
    const key = isJsonObject(entry) ? stringAt(entry, 'public_key') : undefined
    if (key !== undefined) keys.add(key)
  }
  return keys
}

const isSignedByAny = (signed: JsonObject, publicKeys: ReadonlySet<string>): boolean => {
  const text = signedText(signed)
  if (!text.ok) return false
  const signatures = allSignatures(signed)
  let attempts = 0
  for (const publicKey of publicKeys) {
    const key: VerifyKey | undefined = parseVerifyKey(publicKey)
    // A key that is none counts as an attempt too, so that reading keys is bounded with the rest.
    if (++attempts > MAX_ATTEMPTS) return false
    if (key === undefined) continue
    for (const signature of signatures) {
      if (key.verify(text.value, signature)) return true
      if (++attempts > MAX_ATTEMPTS) return false
    }
  }
  return false
}

const allSignatures = (signed: JsonObject): readonly string[] => {
  const found = new Set<string>()
  for (const entity of Object.keys(objectAt(signed, 'signatures') ?? {})) {
    for (const { signature } of signaturesOf(signed, entity)) found.add(signature)
  }
  return [...found]
}
