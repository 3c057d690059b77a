import { Type } from 'typebox'
import type { ServerCheck } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { MatrixError, parseServerName, type ServerName } from '#spec'

/** How a server to which this one sends does. Times are milliseconds since 1970. */
export interface ToldDestination {
  readonly server: ServerName
  readonly pending: number
  readonly behind: boolean
  readonly failures: number
  readonly failingSinceMs: number | undefined
  readonly retryAtMs: number | undefined
  readonly lastSuccessMs: number | undefined
}

export interface OperatorFederationDeps {
  readonly sending: {
    statuses(): readonly ToldDestination[]
    /** Returns whether the server is one to which anything is sent. */
    retry(server: ServerName): boolean
  }
  readonly serverCheck: Pick<ServerCheck, 'run'>
}

/** The most destinations that are listed, those in most trouble first. */
const MAX_LISTED = 1_000

const byTrouble = (one: ToldDestination, other: ToldDestination): number =>
  other.failures - one.failures || other.pending - one.pending

const named = (text: string): ServerName => {
  const server = parseServerName(text)
  if (server === undefined) throw new MatrixError('M_INVALID_PARAM', `${text} is no server name`)
  return server
}

const told = ({ server, pending, behind, failures, ...at }: ToldDestination) => ({
  ...{ server, pending, behind, failures },
  ...(at.failingSinceMs === undefined ? {} : { failing_since: at.failingSinceMs }),
  ...(at.retryAtMs === undefined ? {} : { retry_at: at.retryAtMs }),
  ...(at.lastSuccessMs === undefined ? {} : { last_success: at.lastSuccessMs }),
})

/** Says why another server cannot be reached, or this one by others. */
export const operatorFederationEndpoints = ({
  serverCheck,
  sending,
}: OperatorFederationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/check-federation'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ server: Type.String({ minLength: 1, maxLength: 255 }) }),
    handler: async ({ body }) => {
      const server = named(body.server)
      const findings = await serverCheck.run(server)
      return { server, ok: findings.every(({ ok }) => ok), findings: findings.map(({ ok, text }) => ({ ok, text })) }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/list-destinations'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({}),
    handler: async () => ({
      destinations: sending.statuses().toSorted(byTrouble).slice(0, MAX_LISTED).map(told),
    }),
  }),
  endpoint({
    method: 'POST',
    paths: ['/retry-destination'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ server: Type.String({ minLength: 1, maxLength: 255 }) }),
    handler: async ({ body }) => {
      const server = named(body.server)
      return { server, known: sending.retry(server) }
    },
  }),
]
