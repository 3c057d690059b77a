import type { AnyEndpoint } from '#http'
import { type DestinationsAdminDeps, destinationsAdminEndpoints } from './destinations.ts'
import { type ReportsAdminDeps, reportsAdminEndpoints } from './reports.ts'
import { type ScheduledTasksDeps, scheduledTasksEndpoints } from './scheduled-tasks.ts'
import { type ServerNoticesDeps, serverNoticesEndpoints } from './server-notices.ts'

export type ServerAdminDeps = ReportsAdminDeps & ServerNoticesDeps & DestinationsAdminDeps & ScheduledTasksDeps

export const serverAdminEndpoints = (deps: ServerAdminDeps): readonly AnyEndpoint[] => [
  ...reportsAdminEndpoints(deps),
  ...serverNoticesEndpoints(deps),
  ...destinationsAdminEndpoints(deps),
  ...scheduledTasksEndpoints(deps),
]
