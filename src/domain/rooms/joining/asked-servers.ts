import { FederationFailure } from '#net'
import { type Errcode, MatrixError, type ServerName } from '#spec'

/** Servers that are tried for one request of a user. */
export const MAX_SERVERS = 20

/** A server's answer that cannot be used, so that the next one is asked. */
export class UnusableAnswer extends Error {
  override readonly name = 'UnusableAnswer'
}

/**
 * Asks one server after the other, until one answers well. Throws what says most to the user: a refusal that they can understand; `M_NOT_FOUND`
 * where no server knows the room, or none is known that could; else 502, or 504 where the servers could not be reached.
 */
export const askInTurn = async <Value>(
  servers: readonly ServerName[],
  ask: (server: ServerName) => Promise<Value>,
): Promise<Value> => {
  const failures: unknown[] = []
  for (const server of servers.slice(0, MAX_SERVERS)) {
    try {
      return await ask(server)
    } catch (error) {
      if (!(error instanceof FederationFailure) && !(error instanceof UnusableAnswer)) throw error
      failures.push(error)
    }
  }
  throw tellingError(failures)
}

type Refused = Pick<FederationFailure['parts'], 'status' | 'errcode'>

const tellingError = (failures: readonly unknown[]): MatrixError => {
  if (failures.length === 0) return new MatrixError('M_NOT_FOUND', 'No server is known that could be in this room')
  const cause = failures[0]
  const refusals = failures.flatMap((failure) =>
    failure instanceof FederationFailure && failure.parts.kind === 'refused' ? [failure.parts] : [],
  )
  const said = refusals.find(isForTheUser)
  if (said !== undefined) {
    const { errcode, status, body } = said
    const version = body?.room_version
    return new MatrixError(errcode as Errcode, wordsOf(body?.error), {
      status: status ?? 400,
      ...(typeof version === 'string' ? { fields: { room_version: version } } : {}),
      cause,
    })
  }
  if (refusals.some(({ status }) => status === 404))
    return new MatrixError('M_NOT_FOUND', 'The servers that were asked do not know this room', { cause })
  const isKind = (kind: FederationFailure['parts']['kind']): boolean =>
    failures.every((one) => one instanceof FederationFailure && one.parts.kind === kind)
  // Nobody was asked: it is this server that will not.
  if (isKind('not-allowed'))
    return new MatrixError('M_FORBIDDEN', 'This server does not talk with the servers that could be in this room', {
      cause,
    })
  return new MatrixError('M_UNKNOWN', 'No other server could be asked about this room', {
    status: isKind('unreachable') ? 504 : 502,
    cause,
  })
}

/** Errors that mean the same to the user, whichever server says so. Others with their status were of this server's making, or are no answer. */
const PASSED_ON: ReadonlySet<string> = new Set<Errcode>([
  'M_FORBIDDEN',
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_UNSUPPORTED_ROOM_VERSION',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
  'M_LIMIT_EXCEEDED',
  'M_RESOURCE_LIMIT_EXCEEDED',
  'M_INVITE_BLOCKED',
])
/** Errors of what this server sent, or such as a client takes for word on its own session. */
const KEPT_BACK: ReadonlySet<string> = new Set([
  ...['M_MISSING_PARAM', 'M_INVALID_PARAM', 'M_BAD_JSON', 'M_NOT_JSON', 'M_UNRECOGNIZED', 'M_UNKNOWN'],
  ...['M_UNAUTHORIZED', 'M_MISSING_TOKEN', 'M_UNKNOWN_TOKEN', 'M_USER_DEACTIVATED', 'M_USER_LOCKED'],
  ...['M_USER_SUSPENDED', 'M_CONSENT_NOT_GIVEN'],
])
const ERRCODE = /^[A-Z][A-Z0-9_.-]{0,99}$/

/** "The error should be passed through to clients" is said of every 400 of a handshake (server-server API, "Joining Rooms"). */
const isForTheUser = ({ status = 500, errcode }: Refused): boolean => {
  if (status >= 500 || errcode === undefined) return false
  return PASSED_ON.has(errcode) || (status === 400 && ERRCODE.test(errcode) && !KEPT_BACK.has(errcode))
}

const MAX_WORDS = 500

const wordsOf = (error: unknown): string =>
  typeof error === 'string' && error !== '' ? error.slice(0, MAX_WORDS) : 'The other server refused'

/** The servers to ask, each once, without this one. */
export const serversToAsk = (
  own: ServerName,
  ...groups: readonly (readonly (ServerName | undefined)[])[]
): readonly ServerName[] => {
  const asked = new Set<ServerName>()
  for (const server of groups.flat()) if (server !== undefined && server !== own) asked.add(server)
  return [...asked].slice(0, MAX_SERVERS)
}
