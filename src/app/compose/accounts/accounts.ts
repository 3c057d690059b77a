import type { AccountsDeps } from '#api'
import { type CacheStats, Chore } from '#base'
import type { Config } from '#config'
import {
  AccessTokens,
  Accounts,
  AdministerPeople,
  type AppServices,
  type AuditLog,
  ChangePassword,
  type CreateAccount,
  type CrossSigningResets,
  Deactivate,
  Devices,
  EndSessions,
  ExternalIdentities,
  InteractiveAuth,
  LastSeen,
  ManageRegistrationTokens,
  ManageThirdPartyIds,
  Moderate,
  type NewUserIds,
  ownerIn,
  PasswordHasher,
  type PasswordsElsewhere,
  PasswordTries,
  RegistrationTokens,
  type SendNotice,
  Sessions,
  type SignInProvider,
  type Stage,
  type ThirdPartyIds,
  thirdPartyIdOf,
  type UiaSession,
} from '#domain'
import { addressKey } from '#http'
import type { ServerName, UserId } from '#spec'
import { type AccountRecord, type Change, type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import type { Ground } from '../ground/ground.ts'
import { type BuiltParts, deviceTraces } from './account-parts.ts'
import { buildBrowserSessions, buildCrossSigningResets } from './browser-sessions.ts'
import { buildDirectory } from './directory.ts'
import type { ProofParts } from './encryption.ts'
import { buildImpersonations } from './impersonations.ts'
import { buildRegistration } from './registration.ts'
import { buildRenewalMails } from './renewals.ts'
import { type BuiltSignIn, buildSignIn } from './sign-in.ts'
import { buildThirdPartyIds } from './third-party-ids.ts'

/** The parts that administrators work with, by whatever way. */
export interface AdministeredAccounts {
  readonly serverName: ServerName
  readonly people: AdministerPeople
  readonly registrationTokens: ManageRegistrationTokens
  readonly newUserIds: NewUserIds
  readonly identities: ExternalIdentities
  readonly threepids: ThirdPartyIds
}

export interface BuiltAccounts {
  readonly accounts: Accounts
  /** Whether the account exists and is not deactivated. */
  isActive(userId: UserId): Promise<boolean>
  /** The same, and not locked either. */
  mayAct(userId: UserId): Promise<boolean>
  readonly accessTokens: AccessTokens
  readonly createAccount: CreateAccount
  readonly api: AccountsDeps
  readonly proofParts: ProofParts
  /** Parts that the pages at browsers share with sign-in. */
  readonly forBrowsers: Pick<BuiltSignIn, 'identities' | 'pendingSignIns'> & {
    readonly crossSigningResets: CrossSigningResets
    /** The name of whoever keeps a user's password, if it is not this server. */
    keeperOf(userId: UserId): Promise<string | undefined>
  }
  readonly administration: AdministeredAccounts
  /** Continues deactivations that a stop interrupted; one process at a time does this work. */
  readonly work: Readonly<Record<string, LeasedWork>>
  /** Finishes background work. Has to be called before the store closes. */
  settle(): Promise<void>
  caches(): readonly CacheStats[]
}

const RESUME_EVERY_MS = 3_600_000
/** Bytes of a session of interactive authentication that nobody has proved anything in: a name, a password, a device. */
const UIA_BYTES_OF_NOBODY = 16 * 1024

type OperatedFlows = Pick<AccountsDeps, 'deactivate' | 'changePassword' | 'endSessions'> & {
  readonly auditLog: AuditLog
  readonly createAccount: CreateAccount
  readonly newUserIds: NewUserIds
}

export interface LeavingRooms {
  leaveAll(userId: UserId): Promise<void>
}

/** The parts of other layers that accounts need. */
export interface AroundAccounts {
  /** By which administrators are told what they have to decide on. Called only when requests come. */
  readonly notices: () => Pick<SendNotice, 'run'>
  readonly rooms: LeavingRooms
  readonly services: AppServices
  readonly auditLog: AuditLog
  readonly news: Pick<Streams, 'onNews'>
}

/** Builds accounts, devices, tokens and all flows over them. */
export const buildAccounts = (
  ground: Ground,
  providers: readonly SignInProvider[],
  { rooms, services, news, auditLog, notices }: AroundAccounts,
): BuiltAccounts => {
  // Called only when requests come.
  const asked: PasswordsElsewhere = { accountOf: async (...given) => directory?.accountOf(...given) }
  const accounts = buildAccountsOnly(ground, ground.config.ldap.url === undefined ? undefined : asked)
  const { lastSeen, accessTokens, devices, sessions } = buildDevices(ground, news)
  const uia = buildInteractiveAuth(ground, (operation) => stagesOf(operation))
  const addresses = buildThirdPartyIds(ground)
  const signIn = buildSignIn(ground, providers, accounts, uia)
  const tellAdministrators = tellingAdministrators(ground, notices)
  const built: BuiltParts = { accounts, devices, accessTokens, sessions, uia, addresses, signIn, tellAdministrators }
  const registering = buildRegistration(ground, built, services)
  const deactivate = buildDeactivate(ground, built, rooms)
  const directory = buildDirectory(ground, { accounts, ...signIn, ...registering, ...addresses })
  const keeperOf = async (userId: UserId) => directory?.keeperOf(userId)
  const flows = accountApi(ground, built, keeperOf)
  const { reauthentication } = signIn
  const crossSigningResets = buildCrossSigningResets(ground, reauthentication)
  const confirming = addresses.proof.alsoFor({ flows: [], stages: reauthentication.stages }).stages
  // Called only when requests come.
  const stagesOf = (operation: string): readonly Stage[] => registering.stages.get(operation) ?? confirming
  return {
    accounts,
    administration: buildAdministration(ground, built, { ...flows, ...registering, deactivate, auditLog }),
    isActive: async (userId) => isActive(await accounts.account(userId)),
    mayAct: async (userId) => {
      const account = await accounts.account(userId)
      return isActive(account) && account?.lockedAtMs === undefined
    },
    accessTokens,
    createAccount: registering.createAccount,
    api: {
      sessions,
      uia,
      devices,
      deactivate,
      moderate: new Moderate({
        ...{ accounts, devices, auditLog },
        serverName: ground.config.server.name,
        commit: ground.store.commit,
      }),
      impersonations: buildImpersonations(ground),
      ...registering.api,
      ...flows,
      captchaScript: ground.config.captcha.scriptUrl,
      serverName: ground.config.server.name,
      requestEmailToken: addresses.requestEmailToken,
      ownMail: addresses.ownMail,
      registrationEmail: ground.config.registration.email,
      webClient: ground.config.pages.webClient,
      newSecret: () => ground.random.token(43),
      confirmByButton: ground.config.mail.confirmByButton,
    },
    forBrowsers: { ...signIn, crossSigningResets, keeperOf },
    proofParts: { uia, proof: crossSigningResets },
    work: { deactivations: resuming(ground, deactivate), ...buildRenewalMails(ground) },
    settle: async () => {
      await deactivate.settled()
      await lastSeen.flush()
    },
    caches: () => [accessTokens.stats(), accessTokens.hashes.stats()],
  }
}

const resuming = ({ clock, logger }: Ground, deactivate: Deactivate): Chore =>
  new Chore({
    ...{ clock, logger },
    everyMs: RESUME_EVERY_MS,
    failure: 'deactivations that were interrupted could not be read; tried again in an hour',
    round: () => deactivate.resume(),
  })

const buildInteractiveAuth = (
  { config, shortLived, clock, random }: Ground,
  stagesOf: (operation: string) => readonly Stage[],
): InteractiveAuth => {
  const lifetimeMs = config.sessions.authenticationSessionLifetime
  const sessions = shortLived.table<UiaSession>('uia-session', { lifetimeMs, bytesOfNobody: UIA_BYTES_OF_NOBODY })
  return new InteractiveAuth({ sessions, stagesOf, clock, random, lifetimeMs })
}

/** The flows of people who have an account. */
const accountApi = (
  ground: Ground,
  { accounts, devices, uia, addresses: { threepids, proof }, signIn: { reauthentication } }: BuiltParts,
  keeperOf: (userId: UserId) => Promise<string | undefined>,
  { commit } = ground.store,
): Pick<AccountsDeps, 'endSessions' | 'changePassword' | 'thirdPartyIds'> => ({
  endSessions: new EndSessions({
    ...{ devices, uia, reauthentication, commit },
    traces: deviceTraces,
    browsers: buildBrowserSessions(ground),
  }),
  changePassword: new ChangePassword({
    ...{ accounts, devices, reauthentication, uia, proof, commit, keeperOf },
    traces: deviceTraces,
  }),
  thirdPartyIds: new ManageThirdPartyIds({ accounts, threepids, proof, reauthentication, uia, commit }),
})

/** Deeds of administrators: the same flows, without the authentication of a user. */
const buildAdministration = (
  { config, store, clock }: Ground,
  { accounts, devices, addresses: { threepids } }: BuiltParts,
  { deactivate, changePassword: password, endSessions: sessions, createAccount, newUserIds, auditLog }: OperatedFlows,
): AdministeredAccounts => {
  const identities = new ExternalIdentities({
    reader: store.externalIdentities,
    writer: writers.externalIdentities,
    clock,
  })
  const tokens = new RegistrationTokens({ reader: store.registrationTokens, writer: writers.registrationTokens, clock })
  return {
    serverName: config.server.name,
    people: new AdministerPeople({
      ...{ accounts, devices, threepids, identities, createAccount, auditLog },
      flows: { deactivate, password, sessions },
      commit: store.commit,
    }),
    registrationTokens: new ManageRegistrationTokens({ tokens, auditLog, commit: store.commit }),
    ...{ identities, threepids, newUserIds },
  }
}

const buildDeactivate = (
  { store: { commit }, logger }: Ground,
  { accounts, devices, uia, addresses: { threepids, proof }, signIn: { reauthentication } }: BuiltParts,
  rooms: LeavingRooms,
): Deactivate =>
  new Deactivate({
    ...{ accounts, devices, proof, reauthentication, uia, commit, logger },
    traces: {
      changesFor: endedAccountChanges,
      unbind: (account, idServer) => threepids.unbindEverything(account, idServer),
      leaveAllRooms: (userId) => rooms.leaveAll(userId),
    },
  })

/** The administrators that are told: more cannot all be meant. */
const MOST_TOLD = 20

const tellingAdministrators =
  ({ store, logger }: Ground, notices: AroundAccounts['notices']): BuiltParts['tellAdministrators'] =>
  (text) => {
    const tell = async (): Promise<void> => {
      for (const { userId } of await store.accounts.administrators(MOST_TOLD)) await notices().run(userId, text)
    }
    tell().catch((err: unknown) => logger.warn({ err }, 'administrators could not be told what waits for them'))
  }

const isActive = (account: AccountRecord | undefined): boolean =>
  account !== undefined && account.deactivatedAtMs === undefined

const buildDevices = ({ config, store, clock, random, logger }: Ground, news: Pick<Streams, 'onNews'>) => {
  const { commit } = store
  const lastSeen = new LastSeen({ writer: writers.devices, commit, clock, logger })
  const kept = { reader: store.tokens, writer: writers.tokens, commit, clock }
  const accessTokens = new AccessTokens({ ...kept, lastSeen, news })
  const devices = new Devices({
    ...{ reader: store.devices, writer: writers.devices, commit, lastSeen, clock },
    maxDevices: config.sessions.devicesPerUser,
  })
  const lifetimes = lifetimesOf(config)
  const sessions = new Sessions({
    devices: writers.devices,
    ...kept,
    random,
    lifetimes,
    maxDevices: config.sessions.devicesPerUser,
  })
  return { lastSeen, accessTokens, devices, sessions }
}

/** Builds accounts without sessions, for the command line. */
export const buildAccountsOnly = (
  { config, store, rateLimiter, clock, random }: Pick<Ground, 'config' | 'store' | 'rateLimiter' | 'clock' | 'random'>,
  elsewhere?: PasswordsElsewhere,
): Accounts => {
  const { minLength, hashMemory, hashPasses, hashesAtOnce } = config.passwords
  const hasher = new PasswordHasher({
    random,
    // Argon2 needs at least 8 KiB for each lane.
    cost: { memoryKib: Math.max(8, Math.floor(hashMemory / 1_024)), passes: hashPasses, parallelism: 1 },
    concurrency: hashesAtOnce,
  })
  const tries = new PasswordTries({
    limit: rateLimiter,
    addressesOf: async (userId) =>
      (await store.devices.devicesOf(userId)).flatMap(({ lastSeenIp }) => lastSeenIp ?? []),
    networkOf: addressKey,
  })
  return new Accounts({
    reader: store.accounts,
    writer: writers.accounts,
    passwords: { hasher, minLength, elsewhere },
    tries,
    addresses: {
      owner: (medium, address) => ownerIn(store.thirdPartyIds, medium, address),
      canonical: (medium, address) => thirdPartyIdOf(medium, address)?.address,
    },
    serverName: config.server.name,
    clock,
  })
}

const endedAccountChanges = ({ user, userId }: AccountRecord): readonly Change<unknown>[] => [
  writers.dehydratedDevices.remove(userId),
  ...deviceTraces.orphansOf(userId),
  // An account without a password has the same one, none, when it is opened again.
  writers.shortLived.removeOwned('browser-session', userId),
  writers.shortLived.removeOwned('login-token', userId),
  writers.shortLived.removeOwned('oauth-consent', userId),
  writers.keyBackups.removeAll(userId),
  writers.impersonations.removeUser(user),
  writers.profiles.removeProfile(user),
  writers.accountData.removeAll(user),
  writers.crossSigning.removeAll(user),
  writers.filters.removeAll(user),
  writers.noticeRooms.remove(user),
  writers.presence.remove(user),
  writers.presenceLists.remove(user),
  writers.pushers.removeAll(user),
  writers.threadSubscriptions.removeUser(user),
  writers.delayedEvents.removeUser(user),
  // Before the addresses go, as the validations are found by them.
  writers.emailValidations.withdraw(userId, ['password', 'login', 'add']),
  writers.thirdPartyIds.removeAll(user),
]

const lifetimesOf = ({ sessions, oauth }: Config) => ({
  oauthAccessMs: oauth.accessTokenLifetime,
  accessMs: sessions.accessTokenLifetime.ms,
  refreshableAccessMs: sessions.refreshableAccessTokenLifetime.ms,
  refreshMs: sessions.refreshTokenLifetime.ms,
})
