import type { AdminApiDeps } from '#api'
import { type Admission, type Candidate, ReviewRegistrations } from '#domain'
import { addressRangeKey } from '#http'
import { type UserId, userAwaitsApproval } from '#spec'
import type { BuiltAccounts } from './accounts.ts'
import type { BuiltAuditLog } from './admin.ts'
import type { Ground } from './ground.ts'
import { mailerOf } from './third-party-ids.ts'

interface AdmissionParts {
  toldOfApproval(userId: UserId): Promise<boolean>
  readonly tellAdministrators: (text: string) => void
}

/** Builds what decides on accounts that people make by themselves. */
export const buildAdmission = (
  { config, rateLimiter }: Pick<Ground, 'config' | 'rateLimiter'>,
  { toldOfApproval, tellAdministrators }: AdmissionParts,
): Admission => {
  const waiting = async (userId: UserId) => userAwaitsApproval(await toldOfApproval(userId))
  return {
    admit: async ({ from }: Candidate) => {
      if (from !== undefined) await rateLimiter.consume('newAccount', addressRangeKey(from.ip))
    },
    approval: config.registration.approval,
    waits: (userId) => {
      tellAdministrators(`${userId} has registered and waits for your approval.`)
      return waiting(userId)
    },
    waiting,
  }
}

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
