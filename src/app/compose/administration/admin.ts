import type { AdminApiDeps } from '#api'
import { ActAsPeople, AuditLog, type Jobs, ModifyPerson, type Pushers, type SetProfile } from '#domain'
import { type LeasedWork, writers } from '#store'
import { People } from '#views'
import { PACKAGE_VERSION } from '../../host/package-version.ts'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import { buildImpersonations } from '../accounts/impersonations.ts'
import type { Ground } from '../ground/ground.ts'
import type { Personal } from '../personal/personal.ts'

export interface BuiltAuditLog {
  readonly auditLog: AuditLog
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds the memory of what administrators did, which every deed of theirs needs. */
export const buildAuditLog = ({ config, store, clock, logger }: Ground): BuiltAuditLog => {
  const { auditLogEntries: entries, auditLogAge } = config.administration
  const auditLog = new AuditLog({
    reader: store.auditLog,
    writer: writers.auditLog,
    commit: store.commit,
    clock,
    keep: { entries, ageMs: auditLogAge.ms },
  })
  return { auditLog, work: { 'audit-log-sweep': auditLog.sweep(logger) } }
}

interface PeopleAdminParts {
  readonly accounts: BuiltAccounts
  readonly audit: BuiltAuditLog
  readonly personal: Personal
  readonly pushers: Pushers
  readonly jobs: Jobs
  readonly setProfile: Pick<SetProfile, 'set'>
}

export const buildPeopleView = ({ store }: Ground, { pushRules }: Pick<Personal, 'pushRules'>): People =>
  new People({
    reader: store.people,
    members: store.rooms,
    sent: store.sentEvents,
    media: store.peopleMedia,
    accountData: store.accountData,
    pushRules: { contentJson: async (owner) => JSON.stringify({ global: await pushRules.ruleset(owner) }) },
  })

/** Builds the administration of people, by whatever way it comes. */
export const buildPeopleAdmin = (
  ground: Ground,
  {
    accounts: { administration, api, forBrowsers },
    audit: { auditLog },
    personal,
    pushers,
    jobs,
    setProfile,
  }: PeopleAdminParts,
): AdminApiDeps['people'] => {
  const { store, clock, random } = ground
  return {
    ...api,
    ...administration,
    ...{ auditLog, jobs, pushers, nowMs: () => clock.nowMs() },
    actAsPeople: new ActAsPeople({
      ...{ auditLog, clock },
      impersonations: buildImpersonations(ground),
      crossSigning: store.crossSigning,
      resets: forBrowsers.crossSigningResets,
      commit: store.commit,
    }),
    modifyPerson: new ModifyPerson({
      ...{ ...administration, auditLog, clock, profiles: setProfile },
      commit: store.commit,
    }),
    peopleView: buildPeopleView(ground, personal),
    newSecret: (length) => random.token(length),
    version: PACKAGE_VERSION,
  }
}
