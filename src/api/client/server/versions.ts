import { type AnyEndpoint, endpoint, none } from '#http'

/** `versions.yaml`: the versions whose clients can use this server. The paths of r0 and v3 are the same endpoints. */
const VERSIONS = [
  ...['r0.0.1', 'r0.1.0', 'r0.2.0', 'r0.3.0', 'r0.4.0', 'r0.5.0', 'r0.6.0', 'r0.6.1'],
  ...Array.from({ length: 19 }, (_, index) => `v1.${index + 1}`),
]

type Versions = {
  readonly versions: readonly string[]
  readonly unstable_features: Readonly<Record<string, boolean>>
}

export const versionsEndpoints = (): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/client/versions'],
    auth: none(),
    rateLimit: 'unlimited',
    handler: async (): Promise<Versions> => ({ versions: VERSIONS, unstable_features: {} }),
  }),
]
