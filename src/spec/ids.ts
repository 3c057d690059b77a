/**
 * Identifiers as branded strings (appendices, "Identifier Grammar"): a value of such a type has been parsed.
 * Every parser answers undefined for what is not one.
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type ServerName = Branded<'ServerName'>
export type UserId = Branded<'UserId'>
export type RoomId = Branded<'RoomId'>
export type EventId = Branded<'EventId'>
export type RoomAlias = Branded<'RoomAlias'>
export type DeviceId = Branded<'DeviceId'>

/** The longest identifier, in bytes of UTF-8, sigil and server name included. */
export const MAX_ID_BYTES = 255

const fits = (text: string): boolean =>
  text.length <= MAX_ID_BYTES && (text.length * 3 <= MAX_ID_BYTES || Buffer.byteLength(text) <= MAX_ID_BYTES)

const SERVER_NAME =
  /^(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?)(?::\d{1,5})?$/

export const parseServerName = (text: string): ServerName | undefined =>
  text.length <= 230 && SERVER_NAME.test(text) ? (text as ServerName) : undefined

const splitAt = (text: string, sigil: string): { localpart: string; server: string } | undefined => {
  if (!text.startsWith(sigil) || !fits(text)) return undefined
  const colon = text.indexOf(':')
  return colon < 1 ? undefined : { localpart: text.slice(1, colon), server: text.slice(colon + 1) }
}

/** Historical user ids are accepted (any character but NUL and lone surrogates); what we create is stricter, see `isNewLocalpart`. */
export const parseUserId = (text: string): UserId | undefined => {
  const parts = splitAt(text, '@')
  if (parts === undefined || text.includes('\0') || !text.isWellFormed()) return undefined
  return parseServerName(parts.server) === undefined ? undefined : (text as UserId)
}

export const parseRoomAlias = (text: string): RoomAlias | undefined => {
  const parts = splitAt(text, '#')
  if (parts === undefined || text.includes('\0') || !text.isWellFormed()) return undefined
  return parts.localpart === '' || parseServerName(parts.server) === undefined ? undefined : (text as RoomAlias)
}

/** Room ids are opaque; since room version 12 they name no server. */
export const parseRoomId = (text: string): RoomId | undefined =>
  text.startsWith('!') && text.length > 1 && fits(text) && !text.includes('\0') && text.isWellFormed()
    ? (text as RoomId)
    : undefined

export const parseEventId = (text: string): EventId | undefined =>
  text.startsWith('$') && text.length > 1 && fits(text) && !text.includes('\0') && text.isWellFormed()
    ? (text as EventId)
    : undefined

/** The server a user id or an alias names: all after the first colon. */
export const serverOf = (id: UserId | RoomAlias): ServerName => id.slice(id.indexOf(':') + 1) as ServerName

export const localpartOf = (id: UserId | RoomAlias): string => id.slice(1, id.indexOf(':'))

/** The local part a new account may have: appendices, "User Identifiers". */
export const isNewLocalpart = (localpart: string): boolean => /^[a-z0-9._=\-/+]+$/.test(localpart)

export const userIdOf = (localpart: string, server: ServerName): UserId => `@${localpart}:${server}` as UserId
