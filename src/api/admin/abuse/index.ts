import type { AnyEndpoint } from '#http'
import { type BanListsAdminDeps, banListsAdminEndpoints } from './ban-lists.ts'
import { type BlockedServersAdminDeps, blockedServersAdminEndpoints } from './blocked-servers.ts'
import { type RegistrationsAdminDeps, registrationsAdminEndpoints } from './registrations.ts'

export type AbuseAdminDeps = RegistrationsAdminDeps & BanListsAdminDeps & BlockedServersAdminDeps

/** Decisions of administrators against abuse. */
export const abuseAdminEndpoints = (deps: AbuseAdminDeps): readonly AnyEndpoint[] => [
  ...registrationsAdminEndpoints(deps),
  ...banListsAdminEndpoints(deps),
  ...blockedServersAdminEndpoints(deps),
]
