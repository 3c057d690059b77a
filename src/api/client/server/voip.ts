import type { TurnCredentials, TurnServers } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'

export interface VoipDeps {
  readonly turnServers: Pick<TurnServers, 'credentials'>
}

/** `voip.yaml`. */
export const voipEndpoints = ({ turnServers }: VoipDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/voip/turnServer'),
    auth: user(),
    rateLimit: 'read',
    // Without TURN the answer is an empty object, as from other homeservers; the specification names no answer.
    handler: async ({ requester }): Promise<Partial<TurnCredentials>> => ({
      ...turnServers.credentials(requester.userId),
    }),
  }),
]
