import { type AnyEndpoint, endpoint, none } from '#http'
import { type OperatorAppServicesDeps, operatorAppServicesEndpoints } from './appservices.ts'
import { type OperatorAuditDeps, operatorAuditEndpoints } from './audit-log.ts'
import { type OperatorBlockedServersDeps, operatorBlockedServersEndpoints } from './blocked-servers.ts'
import { type OperatorFederationDeps, operatorFederationEndpoints } from './federation.ts'
import { type OperatorMediaDeps, operatorMediaEndpoints } from './media-and-jobs.ts'
import { type OperatorNoticesDeps, operatorNoticesEndpoints } from './notices.ts'
import { type OperatorTokensDeps, operatorTokensEndpoints } from './registration-tokens.ts'
import { type OperatorReportsDeps, operatorReportsEndpoints } from './reports.ts'
import { type OperatorRoomsDeps, operatorRoomsEndpoints } from './rooms.ts'
import { type OperatorUsersDeps, operatorUsersEndpoints } from './users.ts'

export type OperatorDeps = OperatorUsersDeps &
  OperatorTokensDeps &
  OperatorReportsDeps &
  OperatorNoticesDeps &
  OperatorAppServicesDeps &
  OperatorAuditDeps &
  OperatorRoomsDeps &
  OperatorMediaDeps &
  OperatorBlockedServersDeps &
  OperatorFederationDeps & { readonly serverName: string }

/**
 * The commands of whoever runs the server, as endpoints of a channel of their own: whoever can open it is the operator. They are no part of what the
 * server serves to others.
 */
export const operatorEndpoints = (deps: OperatorDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/server'],
    auth: none(),
    rateLimit: 'unlimited',
    handler: async () => ({ server_name: deps.serverName }),
  }),
  ...operatorUsersEndpoints(deps),
  ...operatorTokensEndpoints(deps),
  ...operatorReportsEndpoints(deps),
  ...operatorNoticesEndpoints(deps),
  ...operatorFederationEndpoints(deps),
  ...operatorAppServicesEndpoints(deps),
  ...operatorAuditEndpoints(deps),
  ...operatorBlockedServersEndpoints(deps),
  ...operatorRoomsEndpoints(deps),
  ...operatorMediaEndpoints(deps),
]
