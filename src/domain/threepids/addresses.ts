import { domainToASCII } from 'node:url'
import { compileGlob, foldText } from '#rules'

export type Medium = 'email' | 'msisdn'

/** An address in canonical form (appendices, "3PID Types"). */
export interface ThirdPartyId {
  readonly medium: Medium
  readonly address: string
}

/** Limits in bytes of UTF-8 (RFC 5321, section 4.5.3.1). */
const MAX_LOCAL_BYTES = 64
const MAX_ADDRESS_BYTES = 254

/** `Dot-string` of RFC 5321 with the letters and digits of RFC 6531. Quoted local parts, which nobody uses, are refused, as they can hide other syntax. */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
/** A domain name and no IP address: the last label is not a number. */
const DOMAIN = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`)

/**
 * Full case folding, character by character (Unicode, "Caseless Matching"). The runtime has only upper and lower case: upper, then lower,
 * folds everything right except the dotless i, which would become an i and so another person's address. Done twice, as ẞ first becomes ß.
 */
const folded = (text: string): string => {
  const once = (from: string): string =>
    Array.from(from, (character) => (character === 'ı' ? character : character.toUpperCase().toLowerCase())).join('')
  return once(once(text))
}

/**
 * The canonical form of an e-mail address: local part case-folded, domain in lower-case ASCII (IDNA). undefined for a text that is no address, or more
 * than one. Mail goes to the canonical form, so that an address which only looks like another one is of no use.
 */
export const canonicalEmail = (text: string): string | undefined => {
  if (text.length > MAX_ADDRESS_BYTES || !text.isWellFormed()) return undefined
  const at = text.lastIndexOf('@')
  const local = folded(text.slice(0, Math.max(at, 0)))
  // ASCII characters that are not allowed in names would be decoded or cut off on the way.
  const domain = /^[A-Za-z0-9.\-\u0080-\u{10ffff}]+$/u.test(text.slice(at + 1)) ? domainToASCII(text.slice(at + 1)) : ''
  const address = `${local}@${domain}`
  if (!LOCAL_PART.test(local) || !DOMAIN.test(domain)) return undefined
  const fits = Buffer.byteLength(local) <= MAX_LOCAL_BYTES && Buffer.byteLength(address) <= MAX_ADDRESS_BYTES
  return fits ? address : undefined
}

/** ITU-T E.164 without the plus sign. */
const MSISDN = /^[1-9]\d{3,14}$/

/** A third-party identifier in canonical form; undefined for an unknown medium, and for a text that is no address of the medium. */
export const thirdPartyIdOf = (medium: string, address: string): ThirdPartyId | undefined => {
  if (medium === 'msisdn') return MSISDN.test(address) ? { medium, address } : undefined
  if (medium !== 'email') return undefined
  const email = canonicalEmail(address)
  return email === undefined ? undefined : { medium, address: email }
}

/** The e-mail addresses that are taken, by their domains. */
export interface AddressDomains {
  /** Patterns in which a star stands for any characters and a question mark for one; empty: all. */
  readonly allow: readonly string[]
  /** Patterns of refused domains, also where `allow` has them. */
  readonly deny: readonly string[]
}

/** Whether addresses of the domain of this one, which is in canonical form, are taken. */
export const isOfDomains = (email: string, { allow, deny }: AddressDomains): boolean => {
  const domain = foldText(email.slice(email.lastIndexOf('@') + 1))
  const isIn = (patterns: readonly string[]): boolean => patterns.some((pattern) => compileGlob(pattern)(domain))
  return !isIn(deny) && (allow.length === 0 || isIn(allow))
}
