import { hash } from 'node:crypto'

/** Appendices, "Opaque Identifiers". */
export const OPAQUE = /^[0-9A-Za-z.=_-]{1,255}$/
/** 47 bits and more, enough as few wrong guesses are allowed; capital letters are easy to type. */
export const CODE_LENGTH = 10

export const hashOf = (secret: string): string => hash('sha256', secret, 'hex')

/** Normalises a code that was typed by hand: in any case, with spaces or hyphens. */
export const asSent = (token: string): string => {
  const compact = token.replaceAll(/[\s-]/g, '')
  return compact.length === CODE_LENGTH ? compact.toUpperCase() : token.trim()
}
