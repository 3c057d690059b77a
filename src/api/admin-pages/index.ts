import type { AnyEndpoint } from '#http'
import type { AuditLogPageDeps } from './audit-log.ts'
import type { FederationPageDeps } from './federation.ts'
import { type AdminRoute, adminEndpoint } from './guard.ts'
import type { JobsPageDeps } from './jobs.ts'
import type { OverviewDeps } from './overview.ts'
import type { RegistrationTokensPageDeps } from './registration-tokens.ts'
import type { ReportsPageDeps } from './reports.ts'
import type { PageHandler, VisitDeps } from './visit.ts'

export type { Findings } from './federation.ts'

/** The needs of all administration pages. */
export type AdminPagesDeps = VisitDeps &
  OverviewDeps &
  AuditLogPageDeps &
  FederationPageDeps &
  JobsPageDeps &
  RegistrationTokensPageDeps &
  ReportsPageDeps

type Route = AdminRoute<AdminPagesDeps>
type Load = () => Promise<PageHandler<AdminPagesDeps>>
type About = Pick<Route, 'weighty' | 'costly'>

/** The routes of a section. Their code is loaded when somebody first asks for one of them. */
const section = (
  path: string,
  pages: Readonly<Record<string, Load>>,
  deeds: Readonly<Record<string, Load>> = {},
  about: Readonly<Record<string, About>> = {},
): readonly Route[] => [
  ...Object.entries(pages).map(([rest, load]) => ({
    method: 'GET' as const,
    path: `${path}${rest}`,
    section: path,
    load,
    ...about[rest],
  })),
  ...Object.entries(deeds).map(([rest, load]) => ({
    method: 'POST' as const,
    path: `${path}${rest}`,
    section: path,
    load,
    ...about[rest],
  })),
]

const ROUTES: readonly Route[] = [
  ...section(
    '/admin',
    { '': async () => (await import('./overview.ts')).overview },
    { '/sign-out': async () => (await import('./sign-out.ts')).signOut },
  ),
  ...section('/admin/reports', {
    '': async () => (await import('./reports.ts')).reports,
    '/csv': async () => (await import('./reports.ts')).reportsCsv,
  }),
  ...section(
    '/admin/registration-tokens',
    {
      '': async () => (await import('./registration-tokens.ts')).registrationTokens,
      '/csv': async () => (await import('./registration-tokens.ts')).registrationTokensCsv,
    },
    {
      '': async () => (await import('./registration-tokens.ts')).makeRegistrationToken,
      '/revoke': async () => (await import('./registration-tokens.ts')).revokeRegistrationToken,
    },
  ),
  ...section(
    '/admin/federation',
    {
      '': async () => (await import('./federation.ts')).federation,
      '/csv': async () => (await import('./federation.ts')).federationCsv,
      '/:server': async () => (await import('./federation.ts')).server,
    },
    {
      '/check': async () => (await import('./federation.ts')).checkServer,
      '/:server/retry': async () => (await import('./federation.ts')).retryServer,
    },
  ),
  ...section(
    '/admin/jobs',
    {
      '': async () => (await import('./jobs.ts')).jobs,
      '/csv': async () => (await import('./jobs.ts')).jobsCsv,
      '/:id': async () => (await import('./jobs.ts')).job,
    },
    { '/:id/cancel': async () => (await import('./jobs.ts')).cancelJob },
  ),
  ...section('/admin/audit-log', {
    '': async () => (await import('./audit-log.ts')).auditLog,
    '/csv': async () => (await import('./audit-log.ts')).auditLogCsv,
  }),
]

/** The administration in a browser: everything at `/admin`. */
export const adminPagesEndpoints = (deps: AdminPagesDeps): readonly AnyEndpoint[] =>
  ROUTES.map((route) => adminEndpoint(route, deps))
