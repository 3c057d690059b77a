import type { OwnKeys } from '#domain'
import { type AnyEndpoint, endpoint, none, RawJson } from '#http'

export interface KeysServerDeps {
  readonly ownKeys: Pick<OwnKeys, 'published'>
}

/** `keys_server.yaml`. Older servers name a key or end the path with a slash; they get the same answer. */
export const keysServerEndpoints = ({ ownKeys }: KeysServerDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/key/v2/server', '/_matrix/key/v2/server/', '/_matrix/key/v2/server/:keyId'],
    auth: none(),
    rateLimit: 'other',
    handler: async () => new RawJson(ownKeys.published()),
  }),
]
