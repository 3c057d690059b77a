import type { AnyEndpoint } from '#http'
import { type InvitesDeps, invitesEndpoints } from './invites.ts'
import { type JoinsDeps, joinsEndpoints } from './joins.ts'
import { type KnocksDeps, knocksEndpoints } from './knocks.ts'
import { type LeavingOverFederationDeps, leavingOverFederationEndpoints } from './leaving.ts'

export type MembershipsOfOthersDeps = JoinsDeps & LeavingOverFederationDeps & KnocksDeps & InvitesDeps

/** Users of other servers come, go, knock and are invited. */
export const membershipsOfOthersEndpoints = (deps: MembershipsOfOthersDeps): readonly AnyEndpoint[] => [
  ...joinsEndpoints(deps),
  ...leavingOverFederationEndpoints(deps),
  ...knocksEndpoints(deps),
  ...invitesEndpoints(deps),
]
