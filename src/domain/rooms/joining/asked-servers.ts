import { FederationFailure } from '#net'
import { ERROR_STATUS, type Errcode, MatrixError, type ServerName } from '#spec'

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

const tellingError = (failures: readonly unknown[]): MatrixError => {
  if (failures.length === 0) return new MatrixError('M_NOT_FOUND', 'No server is known that could be in this room')
  const cause = failures[0]
  const refusals = failures.flatMap((failure) =>
    failure instanceof FederationFailure && failure.parts.kind === 'refused' ? [failure.parts] : [],
  )
  const said = refusals.find(
    ({ status = 500, errcode }) => status < 500 && errcode !== undefined && PASSED_ON.has(errcode),
  )
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
  const isUnreachable = failures.every((one) => one instanceof FederationFailure && one.parts.kind === 'unreachable')
  return new MatrixError('M_UNKNOWN', 'No other server could be asked about this room', {
    status: isUnreachable ? 504 : 502,
    cause,
  })
}

/** Errors that mean the same to the user, whichever server says so. Others were of this server's making, or are no answer. */
const PASSED_ON: ReadonlySet<string> = new Set(
  (
    [
      'M_FORBIDDEN',
      'M_INCOMPATIBLE_ROOM_VERSION',
      'M_UNSUPPORTED_ROOM_VERSION',
      'M_UNABLE_TO_AUTHORISE_JOIN',
      'M_UNABLE_TO_GRANT_JOIN',
      'M_LIMIT_EXCEEDED',
      'M_RESOURCE_LIMIT_EXCEEDED',
      'M_INVITE_BLOCKED',
    ] as const
  ).filter((errcode) => errcode in ERROR_STATUS),
)

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
