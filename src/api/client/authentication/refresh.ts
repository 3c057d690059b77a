import { Type } from 'typebox'
import type { IssuedTokens, Sessions } from '#domain'
import { type AnyEndpoint, type AsJson, endpoint, none, oldPaths, v3 } from '#http'
import { MatrixError } from '#spec'

export interface RefreshDeps {
  readonly sessions: Sessions
}

/** `refresh.yaml`. */
export const refreshEndpoints = ({ sessions }: RefreshDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/refresh'),
    auth: none(),
    rateLimit: 'login',
    body: Type.Object({ refresh_token: Type.String() }),
    handler: async ({ body }): Promise<AsJson<IssuedTokens>> => ({ ...(await sessions.refresh(body.refresh_token)) }),
  }),
  endpoint({
    // The refresh tokens of the alpha of 2015: none is valid any more. Synapse refuses them in the same way.
    method: 'POST',
    paths: [oldPaths('/tokenrefresh')[1]],
    auth: none(),
    rateLimit: 'login',
    handler: () => Promise.reject(new MatrixError('M_FORBIDDEN', 'Tokens are refreshed at /refresh; log in again')),
  }),
]
