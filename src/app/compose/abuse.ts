import type { AdminApiDeps } from '#api'
import { ReviewRegistrations } from '#domain'
import type { BuiltAccounts } from './accounts.ts'
import type { BuiltAuditLog } from './admin.ts'
import type { Ground } from './ground.ts'
import { mailerOf } from './third-party-ids.ts'

/** Builds what administrators decide on against abuse. */
export const buildAbuseAdmin = (
  ground: Ground,
  {
    accounts: { accounts, api, administration },
    audit: { auditLog },
  }: {
    readonly accounts: Pick<BuiltAccounts, 'accounts' | 'api' | 'administration'>
    readonly audit: BuiltAuditLog
  },
): AdminApiDeps['abuse'] => ({
  registrations: new ReviewRegistrations({
    ...{ accounts, deactivate: api.deactivate, threepids: administration.threepids, auditLog },
    commit: ground.store.commit,
    mails: mailerOf(ground),
    serverName: ground.config.server.name,
    logger: ground.logger,
  }),
})
