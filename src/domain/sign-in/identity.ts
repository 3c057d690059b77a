import type { JsonObject } from '#spec'

/** The facts of a person at a provider that are needed here. */
export interface Identity {
  readonly providerId: string
  readonly providerName: string
  readonly subject: string
  /** A proposed name for a new account, which may be taken. Empty if the provider gives none. */
  readonly localpart: string
  readonly displayName?: string | undefined
  /** An address that the provider says it has verified. */
  readonly verifiedEmail?: string | undefined
}

/** Templates that make our facts of a person from claims: texts with claims in braces. */
export interface ClaimTemplates {
  readonly localpart: string
  readonly displayName: string
  readonly email: string
}

const MAX_FILLED_LENGTH = 255

/** A template filled with claims; undefined if a claim is missing or not a text. */
export const filled = (template: string, claims: JsonObject): string | undefined => {
  let missing = false
  const text = template.replaceAll(/\{([^{}]+)\}/g, (_whole, path: string) => {
    const value = claimAt(claims, path)
    if (typeof value === 'string') return value
    if (typeof value === 'number') return String(value)
    missing = true
    return ''
  })
  const clean = text
    .replaceAll(/\p{Cc}/gu, '')
    .trim()
    .toWellFormed()
  return missing || clean === '' || clean.length > MAX_FILLED_LENGTH ? undefined : clean
}

const claimAt = (claims: JsonObject, path: string): unknown => {
  let at: unknown = claims
  for (const name of path.split('.')) {
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, name) ? (at as JsonObject)[name] : undefined
  }
  return at
}

/** Makes a local part (appendices, "Mapping from other character sets"): lower case, and `=` with two hexadecimal digits for each byte of other characters. */
export const asLocalpart = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._/+-]/gu, (character) =>
      [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''),
    )

export const identityFrom = (
  provider: { readonly id: string; readonly name: string; readonly templates: ClaimTemplates },
  subject: string,
  claims: JsonObject,
): Identity => {
  const { templates } = provider
  const email = claims.email_verified === true ? filled(templates.email, claims) : undefined
  return {
    providerId: provider.id,
    providerName: provider.name,
    subject,
    localpart: asLocalpart(filled(templates.localpart, claims) ?? ''),
    displayName: filled(templates.displayName, claims),
    verifiedEmail: email,
  }
}
