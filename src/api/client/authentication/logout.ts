import type { EndSessions, Impersonations } from '#domain'
import { type AnyEndpoint, endpoint, type Requester, user, v3 } from '#http'

export interface LogoutDeps {
  readonly endSessions: EndSessions
  readonly impersonations: Pick<Impersonations, 'end'>
}

/** `logout.yaml`. The only endpoints that a locked account may use. */
export const logoutEndpoints = ({ endSessions, impersonations }: LogoutDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/logout'),
    auth: user({ guests: true, locked: true }),
    rateLimit: 'other',
    handler: async ({ requester }) => {
      const impersonation = impersonationOf(requester)
      if (impersonation === undefined) await endSessions.logOut(requester.userId, requester.deviceId)
      else await impersonations.end(impersonation)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/logout/all'),
    auth: user({ guests: true, locked: true }),
    rateLimit: 'other',
    handler: async ({ requester }) => {
      const impersonation = impersonationOf(requester)
      // The user must not notice that an administrator was here.
      if (impersonation === undefined) await endSessions.logOutAll(requester.userId)
      else await impersonations.end(impersonation)
      return {}
    },
  }),
]

const impersonationOf = (requester: Requester): number | undefined =>
  requester.kind === 'user' ? requester.impersonation : undefined
