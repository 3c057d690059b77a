import type { JsonObject, JsonValue, ServerName } from '#spec'
import { compileGlob, foldText } from './push-rules/index.ts'

/** An `m.room.server_acl` made ready to be held against many servers. */
export type ServerAcl = (server: ServerName) => boolean

const ADDRESS_V4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
const PORT = /:\d{1,5}$/

/**
 * Whether servers may take part in a room, by the content of its `m.room.server_acl` (client-server API, "Server Access Control Lists"). Case and port do
 * not count. A list that is none counts as empty, and an empty `allow` allows nobody.
 */
export const compileServerAcl = (content: JsonObject): ServerAcl => {
  const literals = own(content, 'allow_ip_literals') !== false
  const denied = globsOf(own(content, 'deny'))
  const allowed = globsOf(own(content, 'allow'))
  return (server) => {
    const name = server.replace(PORT, '')
    if (!literals && (name.startsWith('[') || ADDRESS_V4.test(name))) return false
    const text = foldText(name)
    return !denied.some((matches) => matches(text)) && allowed.some((matches) => matches(text))
  }
}

/** For one server; where many are asked about, `compileServerAcl` saves work. */
export const serverAclAllows = (content: JsonObject, server: ServerName): boolean => compileServerAcl(content)(server)

const own = (content: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(content, key) ? content[key] : undefined

const globsOf = (list: JsonValue | undefined) =>
  Array.isArray(list)
    ? (list as readonly JsonValue[]).flatMap((glob) => (typeof glob === 'string' ? [compileGlob(glob)] : []))
    : []
