import { Type } from 'typebox'
import type { Sessions } from '#domain'
import { type AnyEndpoint, endpoint, v3 } from '#http'

export interface RefreshDeps {
  readonly sessions: Sessions
}

/** `refresh.yaml`. */
export const refreshEndpoints = ({ sessions }: RefreshDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/refresh'),
    auth: 'none',
    rateLimit: 'login',
    body: Type.Object({ refresh_token: Type.String() }),
    handler: async ({ body }) => ({ ...(await sessions.refresh(body.refresh_token)) }),
  }),
]
