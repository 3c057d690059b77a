import type { AnyEndpoint } from '#http'
import { type AdminRoute, adminEndpoint } from './guard.ts'
import type { OverviewDeps } from './overview.ts'
import type { VisitDeps } from './visit.ts'

/** The needs of all administration pages. */
export type AdminPagesDeps = VisitDeps & OverviewDeps

/** All pages and deeds. Their code is loaded when somebody first asks for them. */
const ROUTES: readonly AdminRoute<AdminPagesDeps>[] = [
  {
    method: 'GET',
    path: '/admin',
    section: '/admin',
    load: async () => (await import('./overview.ts')).overview,
  },
  {
    method: 'POST',
    path: '/admin/sign-out',
    section: '/admin',
    load: async () => (await import('./sign-out.ts')).signOut,
  },
]

/** The administration in a browser: everything at `/admin`. */
export const adminPagesEndpoints = (deps: AdminPagesDeps): readonly AnyEndpoint[] =>
  ROUTES.map((route) => adminEndpoint(route, deps))
