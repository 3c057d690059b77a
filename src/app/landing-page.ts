import { type AnyEndpoint, CustomReply, endpoint, none } from '#http'
import { type LandingPageView, landingPage } from '#pages'

/** The endpoints of the page at the root, for browsers, and of the health check, for load balancers. */
export const operationalEndpoints = (options: LandingPageView): readonly AnyEndpoint[] => {
  const page = landingPage(options)
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
  ]
}
