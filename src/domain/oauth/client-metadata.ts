import { hash } from 'node:crypto'
import type { JsonObject } from '#spec'
import { type ApplicationType, isBelow, isLoopback, mayRedirectTo } from './redirect-uris.ts'
import { OAuthRefusal } from './refusal.ts'

export const CODE_GRANT = 'authorization_code'
export const REFRESH_GRANT = 'refresh_token'
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
export const GRANT_TYPES = [CODE_GRANT, REFRESH_GRANT, DEVICE_GRANT] as const

/** Metadata that a client registered, without all that this server does not know. Client-server API, "Client metadata". */
export interface ClientMetadata {
  readonly client_uri: string
  readonly client_name?: string
  readonly application_type: ApplicationType
  readonly redirect_uris: readonly string[]
  readonly grant_types: readonly string[]
  readonly response_types: readonly string[]
  readonly token_endpoint_auth_method: 'none'
  readonly logo_uri?: string
  readonly tos_uri?: string
  readonly policy_uri?: string
}

const MAX_NAME_LENGTH = 128
const MAX_URI_LENGTH = 2_048
const MAX_REDIRECTS = 16
const MAX_TRANSLATIONS = 64
const LINKS = ['logo_uri', 'tos_uri', 'policy_uri']
const TEXTS = ['client_name', ...LINKS]
/** "client_name#en-GB" */
const TRANSLATED = /^([a-z_]+)#[A-Za-z0-9-]{1,35}$/

/**
 * Reads the metadata of a registration, and drops what this server does not know. Throws `invalid_client_metadata`, `invalid_redirect_uri`.
 * `triedOut`: the server is on this machine alone, and clients that are developed there may be too, without https. Client-server API, "Client
 * registration"; RFC 7591, section 2.
 */
export const parseClientMetadata = (body: JsonObject, { triedOut }: { readonly triedOut: boolean }): ClientMetadata => {
  const clientUri = clientUriIn(body, triedOut)
  const type = applicationTypeIn(body)
  const grants = grantsIn(body)
  const redirects = listIn(body, 'redirect_uris') ?? []
  if (redirects.length > MAX_REDIRECTS || (redirects.length === 0 && grants.includes(CODE_GRANT)))
    throw new OAuthRefusal('invalid_redirect_uri', `redirect_uris has 1 to ${MAX_REDIRECTS} members`)
  const refused = redirects.find((uri) => !mayRedirectTo(uri, type, clientUri))
  if (refused !== undefined)
    throw new OAuthRefusal(
      'invalid_redirect_uri',
      'A redirect URI does not fit the client_uri and the application_type',
    )
  return {
    client_uri: clientUri.href,
    ...textsIn(body, clientUri),
    application_type: type,
    redirect_uris: redirects,
    grant_types: grants,
    response_types: grants.includes(CODE_GRANT) ? ['code'] : [],
    // A secret of a client that anybody may register proves nothing.
    token_endpoint_auth_method: 'none',
  }
}

/** The same for the same metadata, in whatever order it came. */
export const hashOfMetadata = (metadata: ClientMetadata): string => {
  const members = Object.entries(metadata).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return hash('sha256', JSON.stringify(members), 'hex')
}

const clientUriIn = ({ client_uri: text }: JsonObject, triedOut: boolean): URL => {
  const url = typeof text === 'string' && text.length <= MAX_URI_LENGTH ? URL.parse(text) : null
  const isSecure = url?.protocol === 'https:' || (triedOut && url !== null && isLoopback(url))
  if (url === null || !isSecure || url.username !== '' || url.password !== '')
    throw new OAuthRefusal('invalid_client_metadata', 'client_uri has to be a URL that begins with https://')
  return url
}

const applicationTypeIn = ({ application_type: type = 'web' }: JsonObject): ApplicationType => {
  if (type !== 'web' && type !== 'native')
    throw new OAuthRefusal('invalid_client_metadata', 'application_type is web or native')
  return type
}

/** "The server MUST ignore values that it does not understand." RFC 7591 says what is meant where there are none. */
const grantsIn = (body: JsonObject): readonly string[] => {
  const asked = listIn(body, 'grant_types') ?? [CODE_GRANT, REFRESH_GRANT]
  const responses = listIn(body, 'response_types') ?? ['code']
  const grants = GRANT_TYPES.filter(
    (grant) => asked.includes(grant) && (grant !== CODE_GRANT || responses.includes('code')),
  )
  if (!grants.includes(CODE_GRANT) && !grants.includes(DEVICE_GRANT))
    throw new OAuthRefusal('invalid_client_metadata', 'The client asks for no grant that this server has')
  return grants
}

const listIn = (body: JsonObject, name: string): readonly string[] | undefined => {
  const value = body[name]
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length > 100 || !value.every((member) => typeof member === 'string'))
    throw new OAuthRefusal('invalid_client_metadata', `${name} has to be a list of texts`)
  return [...new Set(value as string[])]
}

/** The texts for people, and their translations. Links to other hosts are dropped, as they prove nothing. */
const textsIn = (body: JsonObject, clientUri: URL): Readonly<Record<string, string>> => {
  const texts: Record<string, string> = {}
  let translations = 0
  for (const [member, value] of Object.entries(body)) {
    const name = TRANSLATED.exec(member)?.[1] ?? member
    if (!TEXTS.includes(name) || typeof value !== 'string') continue
    if (name !== member && ++translations > MAX_TRANSLATIONS) continue
    const text = LINKS.includes(name) ? linkIn(value, clientUri) : nameIn(value)
    if (text !== undefined) texts[member] = text
  }
  return texts
}

const linkIn = (text: string, clientUri: URL): string | undefined => {
  const url = text.length <= MAX_URI_LENGTH ? URL.parse(text) : null
  return url !== null && isBelow(url, clientUri) ? url.href : undefined
}

/** Without characters that make one name look like another: controls, and those that turn the direction of writing. */
const nameIn = (text: string): string | undefined => {
  const plain = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim()
  return plain === '' ? undefined : plain.slice(0, MAX_NAME_LENGTH).toWellFormed()
}
