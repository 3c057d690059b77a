import Type from 'typebox'
import type { AppservicePing, ServiceAccounts } from '#domain'
import { type AnyEndpoint, endpoint, user, v1Only } from '#http'
import { MatrixError } from '#spec'

export interface AppservicePingDeps {
  readonly ping: Pick<AppservicePing, 'ping'>
  readonly serviceAccounts: Pick<ServiceAccounts, 'service'>
}

/** `appservice_ping.yaml`. */
export const appservicePingEndpoints = ({ ping, serviceAccounts }: AppservicePingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v1Only('/appservice/:appserviceId/ping'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ appserviceId: Type.String() }),
    body: Type.Object({ transaction_id: Type.Optional(Type.String({ maxLength: 255 })) }),
    bodyOptional: true,
    handler: async ({ requester, params, body }): Promise<{ duration_ms: number }> => {
      const service = serviceAccounts.service(requester.service)
      if (service.id !== params.appserviceId)
        throw new MatrixError('M_FORBIDDEN', 'That is not the application service that asks')
      return { duration_ms: await ping.ping(service, body.transaction_id) }
    },
  }),
]
