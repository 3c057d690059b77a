import type { JsonObject } from '#spec'

/** A person at a provider, cut to what is needed here. */
export interface Identity {
  readonly providerId: string
  readonly providerName: string
  readonly subject: string
  /** A proposal for the name of a new account; not checked for being free. Empty where the provider tells nothing. */
  readonly localpart: string
  readonly displayName?: string | undefined
  /** Only one that the provider says it has verified. */
  readonly verifiedEmail?: string | undefined
}

/** How claims become what we know of a person: texts with claims in braces. */
export interface ClaimTemplates {
  readonly localpart: string
  readonly displayName: string
  readonly email: string
}

const MAX_FILLED_LENGTH = 255

/** A template with its claims put in; undefined where a claim is missing or no text. */
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

/** Appendices, "Mapping from other character sets": small letters, and `=` with two hexadecimal digits for each byte of the rest. */
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
