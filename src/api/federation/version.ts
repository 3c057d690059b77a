import { type AnyEndpoint, endpoint, none } from '#http'

export interface ServerVersionDeps {
  /** The version of this program. */
  readonly version: string
}

/** `version.yaml` of the server-server API. Clients ask as well, to tell people which software their server runs. */
export const serverVersionEndpoints = ({ version }: ServerVersionDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/version'],
    auth: none(),
    rateLimit: 'other',
    handler: async () => ({ server: { name: 'Homeroom', version } }),
  }),
]
