import type { DeviceId } from '#spec'
import { OAuthRefusal } from './refusal.ts'

/** The name by which tools for administration ask for it. An app that reads messages needs no such power. */
const ADMINISTRATION = 'urn:synapse:admin:*'
/** Each with the spelling of MSC2967, of before 2025. */
const API = ['urn:matrix:client:api:*', 'urn:matrix:org.matrix.msc2967.client:api:*']
const DEVICE = /^urn:matrix:(?:org\.matrix\.msc2967\.)?client:device:(.*)$/
/** "The homeserver MAY reject a request for a device_id that is not long enough or contains characters outside the unreserved list." */
const DEVICE_ID = /^[A-Za-z0-9._~-]{10,255}$/

export interface GrantedScope {
  readonly deviceId: DeviceId
  /** As it was asked for, without what this server does not know. */
  readonly scope: string
  /** Whether the client may administer the server, where the user may. */
  readonly admin: boolean
}

/** Reads a scope. Throws `invalid_scope`. Client-server API, "Scope". */
export const parseScope = (text: string): GrantedScope => {
  const tokens = [...new Set(text.split(' '))]
  const devices = new Set(tokens.flatMap((token) => DEVICE.exec(token)?.slice(1, 2) ?? []))
  const [deviceId, ...more] = devices
  if (!tokens.some((token) => API.includes(token)))
    throw new OAuthRefusal('invalid_scope', `The scope has to have ${API[0]}`)
  if (deviceId === undefined || more.length > 0)
    throw new OAuthRefusal('invalid_scope', 'The scope has to name exactly one device')
  if (!DEVICE_ID.test(deviceId))
    throw new OAuthRefusal('invalid_scope', 'A device id has 10 to 255 characters: letters, digits, and any of -._~')
  const admin = tokens.includes(ADMINISTRATION)
  const known = tokens.filter((token) => API.includes(token) || DEVICE.test(token) || token === ADMINISTRATION)
  return { deviceId: deviceId as DeviceId, scope: known.join(' '), admin }
}

/** The scope of a session whose request is not known any more. */
export const scopeOf = (deviceId: DeviceId, admin: boolean): string =>
  `${API[0]} urn:matrix:client:device:${deviceId}${admin ? ` ${ADMINISTRATION}` : ''}`

/** The part of a scope that a person can grant: nobody gives away what they may not do themselves. */
export const grantableBy = <Asked extends GrantedScope>(asked: Asked, isAdmin: boolean): Asked => {
  if (isAdmin || !asked.admin) return asked
  const scope = asked.scope.split(' ').filter((token) => token !== ADMINISTRATION)
  return { ...asked, admin: false, scope: scope.join(' ') }
}
