import type { AnyEndpoint } from '#http'
import { type RegistrationsAdminDeps, registrationsAdminEndpoints } from './registrations.ts'

export type AbuseAdminDeps = RegistrationsAdminDeps

/** What administrators decide on against abuse. */
export const abuseAdminEndpoints = (deps: AbuseAdminDeps): readonly AnyEndpoint[] => registrationsAdminEndpoints(deps)
