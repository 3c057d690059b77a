import type { EndSessions } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'

export interface LogoutDeps {
  readonly endSessions: EndSessions
}

/** `logout.yaml`. The only endpoints that a locked account may use. */
export const logoutEndpoints = ({ endSessions }: LogoutDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/logout'),
    auth: user({ guests: true, locked: true }),
    rateLimit: 'other',
    handler: async ({ requester: { userId, deviceId } }) => {
      await endSessions.logOut(userId, deviceId)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/logout/all'),
    auth: user({ guests: true, locked: true }),
    rateLimit: 'other',
    handler: async ({ requester }) => {
      await endSessions.logOutAll(requester.userId)
      return {}
    },
  }),
]
