import type { AnyEndpoint } from '#http'
import { type AccountValidityDeps, accountValidityEndpoints } from './account-validity.ts'
import { type ActAsDeps, actAsEndpoints } from './act-as.ts'
import { type AuditLogDeps, auditLogEndpoints } from './audit-log.ts'
import { type BelongingsDeps, belongingsEndpoints } from './belongings.ts'
import { type DevicesAdminDeps, devicesAdminEndpoints } from './devices.ts'
import { type LookupsDeps, lookupsEndpoints } from './lookups.ts'
import { type MediaStatisticsDeps, mediaStatisticsEndpoints } from './media-statistics.ts'
import { type RedactionAdminDeps, redactionAdminEndpoints } from './redaction.ts'
import { type SharedSecretRegistrationDeps, sharedSecretRegistrationEndpoints } from './register.ts'
import { type RegistrationTokensAdminDeps, registrationTokensAdminEndpoints } from './registration-tokens.ts'
import { type StandingDeps, standingEndpoints } from './standing.ts'
import { type UsersAdminDeps, usersAdminEndpoints } from './users.ts'

export type PeopleAdminDeps = SharedSecretRegistrationDeps &
  UsersAdminDeps &
  StandingDeps &
  ActAsDeps &
  AccountValidityDeps &
  BelongingsDeps &
  DevicesAdminDeps &
  LookupsDeps &
  RegistrationTokensAdminDeps &
  RedactionAdminDeps &
  MediaStatisticsDeps &
  AuditLogDeps

/** Administration of people: accounts, devices, registration tokens, and what administrators did. */
export const peopleAdminEndpoints = (deps: PeopleAdminDeps): readonly AnyEndpoint[] => [
  ...sharedSecretRegistrationEndpoints(deps),
  ...usersAdminEndpoints(deps),
  ...standingEndpoints(deps),
  ...actAsEndpoints(deps),
  ...accountValidityEndpoints(deps),
  ...belongingsEndpoints(deps),
  ...devicesAdminEndpoints(deps),
  ...lookupsEndpoints(deps),
  ...registrationTokensAdminEndpoints(deps),
  ...redactionAdminEndpoints(deps),
  ...mediaStatisticsEndpoints(deps),
  ...auditLogEndpoints(deps),
]
