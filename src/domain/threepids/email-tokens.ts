import { hash } from 'node:crypto'

/** Appendices, "Opaque Identifiers". */
export const OPAQUE = /^[0-9A-Za-z.=_-]{1,255}$/
/** 47 bits and more against the few wrong guesses that are allowed; capital letters are easily typed. */
export const CODE_LENGTH = 10

export const hashOf = (secret: string): string => hash('sha256', secret, 'hex')

/** Codes are typed by hand: in any case, with spaces or hyphens between. */
export const asSent = (token: string): string => {
  const compact = token.replaceAll(/[\s-]/g, '')
  return compact.length === CODE_LENGTH ? compact.toUpperCase() : token.trim()
}
