import { type AnyEndpoint, CustomReply, endpoint, none } from '#http'
import { type LandingPageView, landingPage } from '#pages'

/** The page that a browser finds at the root, and the answer that a load balancer asks for. */
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
