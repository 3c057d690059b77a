import type { AnyEndpoint } from '#http'
import { type AuditLogDeps, auditLogEndpoints } from './audit-log.ts'
import { type SharedSecretRegistrationDeps, sharedSecretRegistrationEndpoints } from './register.ts'

export type PeopleAdminDeps = SharedSecretRegistrationDeps & AuditLogDeps

/** Administration of people: accounts, devices, registration tokens, and what administrators did. */
export const peopleAdminEndpoints = (deps: PeopleAdminDeps): readonly AnyEndpoint[] => [
  ...sharedSecretRegistrationEndpoints(deps),
  ...auditLogEndpoints(deps),
]
