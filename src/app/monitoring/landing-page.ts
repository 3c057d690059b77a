import { type AnyEndpoint, CustomReply, endpoint, none } from '#http'
import type { Readiness } from './readiness.ts'

/** The endpoints of the page at the root, for browsers, and of the health checks: whether to start the process anew, and whether to send it requests. */
export const operationalEndpoints = (page: CustomReply, readiness: Readiness): readonly AnyEndpoint[] => {
  return [
    endpoint({
      method: 'GET',
      paths: ['/'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async () => page,
    }),
    endpoint({
      method: 'GET',
      paths: ['/health'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async () => new CustomReply({ status: 200, body: 'OK' }),
    }),
    endpoint({
      method: 'GET',
      paths: ['/health/ready'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async () =>
        (await readiness.isReady())
          ? new CustomReply({ status: 200, body: 'OK' })
          : new CustomReply({
              status: 503,
              headers: { 'Retry-After': '5' },
              body: 'The database does not answer',
            }),
    }),
  ]
}
