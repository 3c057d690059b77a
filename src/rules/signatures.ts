import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { Result } from '#base'
import { fail, ok } from '#base'
import type { JsonObject, JsonValue, ServerName } from '#spec'
import { objectAt, stringAt } from '#spec'
import { decodeBase64, encodeBase64 } from './base64.ts'
import type { CanonicalJsonFailure } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'
import { omitMembers } from './omit-members.ts'

/** A key that a server signs with (appendices, "Signing Details"). */
export interface SigningKey {
  /** Algorithm and name: `ed25519:a_1`. */
  readonly keyId: string
  readonly serverName: ServerName
  /** 32 bytes in unpadded Base64. */
  readonly publicKey: string
  /** A signature of the text's UTF-8, in unpadded Base64. */
  readonly sign: (text: string) => string
}

/** A public key, to check signatures with. */
export interface VerifyKey {
  /** Whether `signature`, unpadded Base64 of 64 bytes, is this key's for the text's UTF-8. */
  readonly verify: (text: string, signature: string) => boolean
}

const SEED_BYTES = 32
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64
// The fixed DER heads of an Ed25519 private (PKCS #8) and public key (SubjectPublicKeyInfo): RFC 8410.
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

const KEY_ID = /^ed25519:[A-Za-z0-9_]{1,128}$/

export interface SigningKeyFailure {
  readonly reason: 'malformed-key-id' | 'malformed-seed'
}

/** Signs the UTF-8 of texts by Ed25519, 64 bytes each. */
export type Signer = (text: string) => Uint8Array

/** Makes a signer of a key's 32-byte seed. */
export type SignerMaker = (seed: Uint8Array) => Signer

/** Signs with Node's own cryptography; the key material is unpacked once. */
export const nodeSigner: SignerMaker = (seed) => {
  const key = toPrivateKey(seed)
  return (text) => sign(null, Buffer.from(text), key)
}

const toPrivateKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' })

/** Makes a signing key from its 32-byte seed in Base64. */
export const signingKeyFromSeed = (
  keyId: string,
  serverName: ServerName,
  seed: string,
  makeSigner: SignerMaker = nodeSigner,
): Result<SigningKey, SigningKeyFailure> => {
  if (!KEY_ID.test(keyId)) return fail({ reason: 'malformed-key-id' })
  const bytes = decodeBase64(seed)
  if (bytes?.length !== SEED_BYTES) return fail({ reason: 'malformed-seed' })
  const publicKey = createPublicKey(toPrivateKey(bytes))
    .export({ format: 'der', type: 'spki' })
    .subarray(SPKI_HEAD.length)
  const signer = makeSigner(bytes)
  return ok({ keyId, serverName, publicKey: encodeBase64(publicKey), sign: (text) => encodeBase64(signer(text)) })
}

/** Makes a public key from its 32 bytes in Base64; undefined for anything else. */
export const parseVerifyKey = (publicKey: string): VerifyKey | undefined => {
  const bytes = decodeBase64(publicKey)
  if (bytes?.length !== PUBLIC_KEY_BYTES) return undefined
  const key = toKeyObject(bytes)
  if (key === undefined) return undefined
  return {
    verify: (text, signature) => {
      const signatureBytes = decodeBase64(signature)
      return signatureBytes?.length === SIGNATURE_BYTES && verify(null, Buffer.from(text), key, signatureBytes)
    },
  }
}

const toKeyObject = (bytes: Uint8Array): KeyObject | undefined => {
  try {
    return createPublicKey({ key: Buffer.concat([SPKI_HEAD, bytes]), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

const UNSIGNED_KEYS = ['signatures', 'unsigned']

/** The text that the signatures of a JSON object cover. For events see `essentialJson`. */
export const signedText = (object: JsonObject): Result<string, CanonicalJsonFailure> =>
  canonicalJson(omitMembers(object, UNSIGNED_KEYS))

/** The object with the key's signature among its signatures (appendices, "Signing Details"). */
export const signJson = (object: JsonObject, key: SigningKey): Result<JsonObject, CanonicalJsonFailure> => {
  const text = signedText(object)
  return text.ok ? ok(withSignature(object, key.serverName, key.keyId, key.sign(text.value))) : text
}

/** The object with one more signature. The entity may be a server or, in cross-signing, a user. */
export const withSignature = <Signed extends JsonObject>(
  object: Signed,
  entity: string,
  keyId: string,
  signature: string,
): Signed => {
  const signatures = objectAt(object, 'signatures') ?? {}
  const ofEntity = withMember(objectAt(signatures, entity) ?? {}, keyId, signature)
  return { ...object, signatures: withMember(signatures, entity, ofEntity) }
}

/** `{...object, [key]: value}`: a computed key makes `__proto__` an own member, as JSON has it. */
const withMember = (object: JsonObject, key: string, value: JsonValue): JsonObject => ({ ...object, [key]: value })

export interface SignatureEntry {
  readonly keyId: string
  readonly signature: string
}

/** An entity's Ed25519 signatures on an object; those of algorithms unknown to us are left out. */
export const signaturesOf = (object: JsonObject, entity: string): readonly SignatureEntry[] => {
  const ofEntity = objectAt(objectAt(object, 'signatures') ?? {}, entity) ?? {}
  return Object.entries(ofEntity).flatMap(([keyId, signature]) =>
    keyId.startsWith('ed25519:') && typeof signature === 'string' ? [{ keyId, signature }] : [],
  )
}

/** Appendices, "Checking for a Signature", steps 4 to 7: one key of one entity. */
export const verifyJson = (object: JsonObject, entity: string, keyId: string, key: VerifyKey): boolean => {
  const signature = stringAt(objectAt(objectAt(object, 'signatures') ?? {}, entity) ?? {}, keyId)
  if (signature === undefined) return false
  const text = signedText(object)
  return text.ok && key.verify(text.value, signature)
}
