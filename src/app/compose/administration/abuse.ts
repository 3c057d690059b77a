import type { AdminApiDeps } from '#api'
import { ManageBanLists, ManageBlockedServers, type Memberships, ReviewRegistrations } from '#domain'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import { mailerOf } from '../accounts/third-party-ids.ts'
import type { Ground } from '../ground/ground.ts'
import { noticesUser } from '../personal/personal.ts'
import type { BuiltAuditLog } from './admin.ts'

/** Builds what administrators decide on against abuse. */
export const buildAbuseAdmin = (
  ground: Ground,
  {
    accounts: { accounts, api, administration },
    audit: { auditLog },
    rooms: { memberships },
  }: {
    readonly accounts: Pick<BuiltAccounts, 'accounts' | 'api' | 'administration'>
    readonly audit: BuiltAuditLog
    readonly rooms: { readonly memberships: Memberships }
  },
): AdminApiDeps['abuse'] => ({
  registrations: new ReviewRegistrations({
    ...{ accounts, deactivate: api.deactivate, threepids: administration.threepids, auditLog },
    commit: ground.store.commit,
    mails: mailerOf(ground),
    serverName: ground.config.server.name,
    logger: ground.logger,
  }),
  banLists: new ManageBanLists({
    ...{ lists: ground.bans, rooms: ground.store.rooms, memberships, auditLog },
    reader: noticesUser(ground.config),
    commit: ground.store.commit,
  }),
  blockedServers: manageBlockedServers(ground, { auditLog }),
})

/** Builds what administrators decide on about other servers. */
export const manageBlockedServers = (
  { store, blockedServers: servers }: Ground,
  { auditLog }: Pick<BuiltAuditLog, 'auditLog'>,
): ManageBlockedServers => new ManageBlockedServers({ servers, auditLog, commit: store.commit })
