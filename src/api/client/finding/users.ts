import Type from 'typebox'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import type { UserDirectory, UserDirectoryAnswer } from '#views'

export interface UsersDeps {
  readonly userDirectory: Pick<UserDirectory, 'search'>
}

const MAX_TERM = 500

/** `users.yaml`. */
export const usersEndpoints = ({ userDirectory }: UsersDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/user_directory/search'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    body: Type.Object({
      search_term: Type.String({ maxLength: MAX_TERM }),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    handler: async ({ requester, body }): Promise<UserDirectoryAnswer> =>
      userDirectory.search(body.search_term, body.limit, requester),
  }),
]
