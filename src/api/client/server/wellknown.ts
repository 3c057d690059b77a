import { type AnyEndpoint, endpoint, none } from '#http'
import { type JsonObject, MatrixError } from '#spec'

export interface WellknownDeps {
  /** The content for clients; undefined: none. */
  readonly client: JsonObject | undefined
  /** `host:port` for other servers; undefined: no delegation. */
  readonly federationDelegatedTo: string | undefined
  /** The public key of a policy server under this name; undefined: there is none. */
  readonly policyServerKey: string | undefined
}

const page = (path: `/.well-known/matrix/${string}`, content: JsonObject | undefined): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: [path],
    auth: none(),
    rateLimit: 'unlimited',
    handler: async (): Promise<JsonObject> => {
      if (content === undefined) throw new MatrixError('M_NOT_FOUND', 'Nothing is configured here')
      return content
    },
  })

/** `wellknown.yaml` of both APIs, and `policy_server.yaml`. A file without content is 404, which means "ask this host itself". */
export const wellknownEndpoints = ({
  client,
  federationDelegatedTo,
  policyServerKey,
}: WellknownDeps): readonly AnyEndpoint[] => [
  page('/.well-known/matrix/client', client),
  page(
    '/.well-known/matrix/server',
    federationDelegatedTo === undefined ? undefined : { 'm.server': federationDelegatedTo },
  ),
  page(
    '/.well-known/matrix/policy_server',
    policyServerKey === undefined ? undefined : { public_keys: { ed25519: policyServerKey } },
  ),
]
