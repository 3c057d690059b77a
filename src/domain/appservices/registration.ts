import { fail, ok, type Result } from '#base'
import { isJsonObject, type JsonObject, MAX_ID_BYTES, type ServerName, type UserId, userIdOf } from '#spec'
import { compilePattern, type Pattern } from './pattern.ts'

/** A part of the ids of users, aliases or rooms. */
export interface Namespace {
  readonly exclusive: boolean
  readonly regex: string
  readonly pattern: Pattern
}

/** The content of a registration file of an application service (application service API, "Registration"). */
export interface Registration {
  readonly id: string
  /** Without a slash at the end; undefined: nothing is sent to it. */
  readonly url: string | undefined
  readonly asToken: string
  readonly hsToken: string
  /** The user that it is without `user_id`. */
  readonly sender: UserId
  readonly users: readonly Namespace[]
  readonly aliases: readonly Namespace[]
  readonly rooms: readonly Namespace[]
  readonly rateLimited: boolean
  readonly protocols: readonly string[]
  /** Whether it gets typing, receipts and presence; `legacy`: under the names of MSC2409. */
  readonly ephemeral: { readonly stable: boolean; readonly legacy: boolean }
  /** Whether it gets device lists and counts of keys (MSC3202). */
  readonly encryption: boolean
  /** Whether it manages the devices of its users itself (MSC4190). */
  readonly managesDevices: boolean
}

const MAX_TOKEN = 1_000
const MAX_NAMESPACES = 200
const MAX_PROTOCOLS = 100
const MAX_ALIASES = 100
export const MAX_REGISTRATION_BYTES = 256 * 1024

/** Reads a registration file. The failure is a sentence for the operator, and names no token. */
export const parseRegistration = async (text: string, own: ServerName): Promise<Result<Registration, string>> => {
  if (Buffer.byteLength(text) > MAX_REGISTRATION_BYTES) return fail('it is larger than 256 KiB')
  // Loaded only where there are files: it takes 2 MB.
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text, { uniqueKeys: true, logLevel: 'silent' })
  const [error] = document.errors
  if (error !== undefined) return fail(`it is no YAML: ${error.message.split('\n')[0]}`)
  try {
    const root: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    return isJsonObject(root) ? ok(registrationOf(root, own)) : fail('it is no mapping')
  } catch (problem) {
    if (problem instanceof RegistrationProblem || problem instanceof ReferenceError) return fail(problem.message)
    throw problem
  }
}

class RegistrationProblem extends Error {}

/** Unlike names of new accounts it may have capitals: bridges of the mautrix family write a random text, and use another user as their bot. */
const SENDER = /^[a-zA-Z0-9._=\-/+]+$/

const registrationOf = (root: JsonObject, own: ServerName): Registration => {
  const namespaces = root.namespaces ?? {}
  if (!isJsonObject(namespaces)) throw new RegistrationProblem('namespaces is no mapping')
  const localpart = textAt(root, 'sender_localpart', MAX_ID_BYTES)
  if (!SENDER.test(localpart) || Buffer.byteLength(userIdOf(localpart, own)) > MAX_ID_BYTES)
    throw new RegistrationProblem('sender_localpart is no user name: letters, digits, and . _ = - / + make one')
  return {
    id: textAt(root, 'id', MAX_ID_BYTES),
    url: urlIn(root),
    asToken: tokenAt(root, 'as_token'),
    hsToken: tokenAt(root, 'hs_token'),
    sender: userIdOf(localpart, own),
    users: namespacesAt(namespaces, 'users'),
    aliases: namespacesAt(namespaces, 'aliases'),
    rooms: namespacesAt(namespaces, 'rooms'),
    rateLimited: flagAt(root, 'rate_limited') ?? true,
    protocols: protocolsIn(root),
    ephemeral: {
      stable: flagAt(root, 'receive_ephemeral') ?? false,
      legacy: flagAt(root, 'de.sorunome.msc2409.push_ephemeral') ?? flagAt(root, 'push_ephemeral') ?? false,
    },
    encryption: flagAt(root, 'org.matrix.msc3202') ?? false,
    managesDevices: flagAt(root, 'io.element.msc4190') ?? false,
  }
}

const textAt = (root: JsonObject, key: string, longest: number): string => {
  const value = root[key]
  if (typeof value !== 'string' || value === '' || value.length > longest || /\p{Cc}/u.test(value))
    throw new RegistrationProblem(`${key} is missing, or no text of at most ${longest} characters`)
  return value
}

const tokenAt = (root: JsonObject, key: string): string => {
  const token = textAt(root, key, MAX_TOKEN)
  if (!/^[!-~]+$/.test(token)) throw new RegistrationProblem(`${key} has characters that a header cannot have`)
  return token
}

const flagAt = (root: JsonObject, key: string): boolean | undefined => {
  const value = root[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw new RegistrationProblem(`${key} is neither true nor false`)
  return value
}

const urlIn = (root: JsonObject): string | undefined => {
  const { url } = root
  if (url === null || url === '') return undefined
  if (url === undefined) throw new RegistrationProblem('url is missing: null where nothing is to be sent')
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.search !== '' || parsed.hash !== '')
    throw new RegistrationProblem('url is no address that begins with http:// or https://')
  return parsed.href.replace(/\/+$/, '')
}

const protocolsIn = (root: JsonObject): readonly string[] => {
  const protocols = root.protocols ?? []
  if (!Array.isArray(protocols) || protocols.length > MAX_PROTOCOLS)
    throw new RegistrationProblem(`protocols is no list of at most ${MAX_PROTOCOLS} names`)
  for (const name of protocols)
    if (typeof name !== 'string' || name === '' || name.length > MAX_ID_BYTES || /\p{Cc}/u.test(name))
      throw new RegistrationProblem('protocols has something that is no name')
  return protocols as readonly string[]
}

const namespacesAt = (namespaces: JsonObject, key: string): readonly Namespace[] => {
  const list = namespaces[key] ?? []
  if (!Array.isArray(list) || list.length > MAX_NAMESPACES)
    throw new RegistrationProblem(`namespaces.${key} is no list of at most ${MAX_NAMESPACES} entries`)
  return list.map((entry, index) => {
    const at = `namespaces.${key}[${index}]`
    if (!isJsonObject(entry)) throw new RegistrationProblem(`${at} is no mapping`)
    const { regex } = entry
    if (typeof regex !== 'string') throw new RegistrationProblem(`${at}.regex is no text`)
    const pattern = compilePattern(regex)
    if (!pattern.ok) throw new RegistrationProblem(`${at}: ${pattern.failure}`)
    return { exclusive: flagAt(entry, 'exclusive') ?? false, regex, pattern: pattern.value }
  })
}
