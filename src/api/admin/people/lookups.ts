import { Type } from 'typebox'
import type { ExternalIdentities, NewUserIds, ThirdPartyIds } from '#domain'
import { type AnyEndpoint, admin, endpoint, none } from '#http'
import { type JsonObject, MatrixError, type UserId } from '#spec'

export interface LookupsDeps {
  readonly newUserIds: Pick<NewUserIds, 'available'>
  readonly identities: Pick<ExternalIdentities, 'userOf'>
  readonly threepids: Pick<ThirdPartyIds, 'owner'>
  /** The version of this program. */
  readonly version: string
}

const Text = Type.String({ maxLength: 1_024 })

const found = (userId: UserId | undefined): JsonObject => {
  if (userId === undefined) throw new MatrixError('M_NOT_FOUND', 'User not found')
  return { user_id: userId }
}

const FEATURES_PATH = '/_synapse/admin/v1/experimental_features/:userId'
const OfUser = Type.Object({ userId: Text })

/** Features that could be switched for single users. There are none: what is built is on for everybody. */
const experimentalFeaturesEndpoints: readonly AnyEndpoint[] = [
  endpoint({
    method: 'GET',
    paths: [FEATURES_PATH],
    auth: admin(),
    rateLimit: 'read',
    params: OfUser,
    handler: async (): Promise<JsonObject> => ({ features: {} }),
  }),
  endpoint({
    method: 'PUT',
    paths: [FEATURES_PATH],
    auth: admin(),
    rateLimit: 'other',
    params: OfUser,
    body: Type.Object({ features: Type.Record(Type.String(), Type.Boolean()) }),
    handler: async ({ body: { features } }): Promise<JsonObject> => {
      const [name] = Object.keys(features)
      if (name !== undefined)
        throw new MatrixError('M_INVALID_PARAM', 'No feature can be switched for a single user here')
      return {}
    },
  }),
]

/** Whether a name is free, and whose an address or an identity is. */
export const lookupsEndpoints = (deps: LookupsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/server_version'],
    // Tools ask before anybody has signed in, and Synapse answers them; the federation API tells everybody the version too.
    auth: none(),
    rateLimit: 'read',
    handler: async () => ({ server_version: `Homeroom ${deps.version}` }),
  }),
  ...experimentalFeaturesEndpoints,
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/username_available'],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({ username: Text }),
    handler: async ({ query }): Promise<JsonObject> => {
      await deps.newUserIds.available(query.username)
      return { available: true }
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/auth_providers/:provider/users/:subject'],
    auth: admin(),
    rateLimit: 'read',
    params: Type.Object({ provider: Text, subject: Text }),
    handler: async ({ params: { provider: providerId, subject } }) =>
      found(await deps.identities.userOf({ providerId, subject })),
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/threepid/:medium/users/:address'],
    auth: admin(),
    rateLimit: 'read',
    params: Type.Object({ medium: Text, address: Text }),
    handler: async ({ params: { medium, address } }) => found(await deps.threepids.owner(medium, address)),
  }),
]
