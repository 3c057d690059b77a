import { canonicalJson, parseVerifyKey, type SigningKey } from '#rules'
import type { JsonObject, JsonValue } from '#spec'

export interface SignedParts {
  readonly method: string
  /** Path and query, as on the request line. */
  readonly uri: string
  readonly origin: string
  readonly destination?: string | undefined
  readonly content?: JsonValue | undefined
}

/** The text that is signed: server-server API, "Request Authentication". */
const signedText = ({ method, uri, origin, destination, content }: SignedParts): string => {
  const object: JsonObject = {
    method,
    uri,
    origin,
    ...(destination === undefined ? {} : { destination }),
    ...(content === undefined ? {} : { content }),
  }
  const text = canonicalJson(object, { strict: false })
  // What is no canonical JSON, a hostile peer signs as it is.
  return text.ok ? text.value : JSON.stringify(object)
}

export const authorizationOf = (parts: SignedParts, key: SigningKey): string => {
  const destination = parts.destination === undefined ? '' : `,destination="${parts.destination}"`
  return `X-Matrix origin="${parts.origin}"${destination},key="${key.keyId}",sig="${key.sign(signedText(parts))}"`
}

export interface ReadAuthorization {
  readonly origin: string
  readonly destination: string | undefined
  readonly keyId: string
  readonly signature: string
}

export const readAuthorization = (header: string | undefined): ReadAuthorization | undefined => {
  if (!header?.startsWith('X-Matrix ')) return undefined
  const values = new Map<string, string>()
  for (const [, name = '', quoted, plain] of header.slice(9).matchAll(/([a-z]+)=(?:"([^"]*)"|([^,"]*))/g))
    values.set(name, quoted ?? plain ?? '')
  const origin = values.get('origin')
  const keyId = values.get('key')
  const signature = values.get('sig')
  if (origin === undefined || keyId === undefined || signature === undefined) return undefined
  return { origin, keyId, signature, destination: values.get('destination') }
}

/** Whether the signature is that key's (Base64 of its 32 bytes). */
export const isSignedBy = (publicKey: string, signature: string, parts: SignedParts): boolean =>
  parseVerifyKey(publicKey)?.verify(signedText(parts), signature) ?? false
