import type { EndSessions } from '#domain'
import { type AnyEndpoint, endpoint, v3 } from '#http'

export interface LogoutDeps {
  readonly endSessions: EndSessions
}

/** `logout.yaml`. */
export const logoutEndpoints = ({ endSessions }: LogoutDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/logout'),
    auth: 'guest',
    rateLimit: 'other',
    handler: async ({ requester: { userId, deviceId } }) => {
      if (deviceId !== undefined) await endSessions.logOut(userId, deviceId)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/logout/all'),
    auth: 'guest',
    rateLimit: 'other',
    handler: async ({ requester }) => {
      await endSessions.logOutAll(requester.userId)
      return {}
    },
  }),
]
