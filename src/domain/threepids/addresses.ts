import { domainToASCII } from 'node:url'

export type Medium = 'email' | 'msisdn'

/** Appendices, "3PID Types": the address in its one canonical form. */
export interface ThirdPartyId {
  readonly medium: Medium
  readonly address: string
}

/** RFC 5321, section 4.5.3.1. In bytes of UTF-8. */
const MAX_LOCAL_BYTES = 64
const MAX_ADDRESS_BYTES = 254

/** `Dot-string` of RFC 5321 with the letters and digits of RFC 6531. Quoted local parts, which nobody has, are refused with all they may hide. */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
/** A name, not an address of the network: its last label is no number. */
const DOMAIN = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`)

/**
 * Full case folding, character by character (Unicode, "Caseless Matching"). The runtime offers upper and lower case only: upper, then lower,
 * folds all but the dotless i, which would become an i and somebody else's address. Twice, as ẞ becomes ß at first.
 */
const folded = (text: string): string => {
  const once = (from: string): string =>
    Array.from(from, (character) => (character === 'ı' ? character : character.toUpperCase().toLowerCase())).join('')
  return once(once(text))
}

/**
 * The canonical form of an e-mail address: local part case-folded, domain in small ASCII letters (IDNA). undefined for what is none, or is more
 * than one. Mail goes to the canonical form, so that an address which only looks like another one gains nothing.
 */
export const canonicalEmail = (text: string): string | undefined => {
  if (text.length > MAX_ADDRESS_BYTES || !text.isWellFormed()) return undefined
  const at = text.lastIndexOf('@')
  const local = folded(text.slice(0, Math.max(at, 0)))
  // Other ASCII than that of names would be decoded or cut off on the way.
  const domain = /^[A-Za-z0-9.\-\u0080-\u{10ffff}]+$/u.test(text.slice(at + 1)) ? domainToASCII(text.slice(at + 1)) : ''
  const address = `${local}@${domain}`
  if (!LOCAL_PART.test(local) || !DOMAIN.test(domain)) return undefined
  const fits = Buffer.byteLength(local) <= MAX_LOCAL_BYTES && Buffer.byteLength(address) <= MAX_ADDRESS_BYTES
  return fits ? address : undefined
}

/** ITU-T E.164 without the plus sign. */
const MSISDN = /^[1-9]\d{3,14}$/

/** A third-party identifier in canonical form; undefined for another medium, and for what is no address of it. */
export const thirdPartyIdOf = (medium: string, address: string): ThirdPartyId | undefined => {
  if (medium === 'msisdn') return MSISDN.test(address) ? { medium, address } : undefined
  if (medium !== 'email') return undefined
  const email = canonicalEmail(address)
  return email === undefined ? undefined : { medium, address: email }
}

/** Whether an address in canonical form is of one of the domains; of any where there are none. */
export const isOfDomains = (email: string, domains: readonly string[]): boolean => {
  const domain = email.slice(email.lastIndexOf('@') + 1)
  return domains.length === 0 || domains.some((allowed) => allowed.toLowerCase() === domain)
}
