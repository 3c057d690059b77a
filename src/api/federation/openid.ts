import Type from 'typebox'
import type { OpenIdTokens } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { MatrixError, type UserId } from '#spec'

export interface UserinfoDeps {
  readonly openIdTokens: Pick<OpenIdTokens, 'userOf'>
}

/** `openid.yaml` of the server-server API. Services that are no homeservers ask, so requests are not signed. */
export const userinfoEndpoints = ({ openIdTokens }: UserinfoDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/openid/userinfo'],
    auth: none(),
    rateLimit: 'other',
    query: Type.Object({ access_token: Type.Optional(Type.String()) }),
    handler: async ({ query }): Promise<{ sub: UserId }> => {
      // "No access token was specified for the request" is 401, as for a wrong token.
      if (query.access_token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
      const userId = await openIdTokens.userOf(query.access_token)
      if (userId === undefined) throw new MatrixError('M_UNKNOWN_TOKEN', 'Access token unknown or expired')
      return { sub: userId }
    },
  }),
]
