import type { AccountsDeps } from '#api'
import type { CacheStats } from '#base'
import type { Config } from '#config'
import {
  AccessTokens,
  Accounts,
  type AccountTraces,
  BindEmail,
  ChangePassword,
  CreateAccount,
  Deactivate,
  Devices,
  type DeviceTraces,
  EndSessions,
  InteractiveAuth,
  LastSeen,
  LogIn,
  ManageThirdPartyIds,
  type NewAccountChanges,
  ownerIn,
  PasswordHasher,
  Register,
  RegisterBySecret,
  RegistrationTokens,
  ReservedNames,
  Sessions,
  SharedSecret,
  type SignInProvider,
  thirdPartyIdOf,
  UiaSessionTable,
  UpgradeGuest,
} from '#domain'
import type { UserId } from '#spec'
import { localpartOf } from '#spec'
import { type AccountRecord, type Change, writers } from '#store'
import type { Ground } from './ground.ts'
import { build2015, callbackOperationsOf } from './of-2015.ts'
import { registrationOffer } from './registration.ts'
import { buildSignIn } from './sign-in.ts'
import { buildThirdPartyIds } from './third-party-ids.ts'
import { wellKnownOf } from './well-known.ts'

export interface BuiltAccounts {
  readonly accounts: Accounts
  /** Whether there is such an account, and it was not deactivated. */
  isActive(userId: UserId): Promise<boolean>
  readonly accessTokens: AccessTokens
  readonly createAccount: CreateAccount
  readonly api: AccountsDeps
  /** Goes on with what a stop interrupted. */
  resume(): Promise<void>
  /** Finishes what goes on behind the answers; before the store closes. */
  settle(): Promise<void>
  caches(): readonly CacheStats[]
}

export interface LeavingRooms {
  leaveAll(userId: UserId): Promise<void>
}

/** Accounts, devices, tokens and all flows over them. */
export const buildAccounts = (
  ground: Ground,
  providers: readonly SignInProvider[],
  rooms: LeavingRooms,
): BuiltAccounts => {
  const { config, store, clock, random, logger } = ground
  const { commit } = store
  const serverName = config.server.name
  const accounts = buildAccountsOnly(ground)
  const { lastSeen, accessTokens, devices, sessions } = buildDevices(ground)
  const uia = new InteractiveAuth(new UiaSessionTable(clock, random, config.sessions.authenticationSessionLifetime))
  const tokens = new RegistrationTokens({ reader: store.registrationTokens, writer: writers.registrationTokens, clock })

  const addresses = buildThirdPartyIds(ground)
  const { threepids, proof } = addresses
  const signIn = buildSignIn(ground, providers, accounts, uia)
  const { reauthentication } = signIn
  const createAccount = new CreateAccount({ accounts, sessions, extras: newAccountChanges, commit })
  const logIn = new LogIn({ accounts, sessions, commit, serverName, wellKnown: wellKnownOf(config) })
  const upgradeGuest = new UpgradeGuest({
    accounts,
    devices,
    traces: deviceTraces,
    sessions,
    tokens: accessTokens,
    commit,
  })
  const bindEmail = new BindEmail({ accounts, threepids })
  const options = signIn.registering({
    ...registerOptionsOf(ground),
    bindEmail,
    ...registrationOffer(ground, tokens, proof),
  })
  const register = new Register({ accounts, tokens, devices }, { createAccount, upgradeGuest }, logIn, uia, options)
  const of2015 = build2015(ground, { accounts, register, logIn, uia }, addresses, options.offer, signIn.loginStages)
  const secret = new SharedSecret(config.registration.sharedSecret, random, clock)
  const traces = tracesOf(addresses, rooms)
  const deactivate = new Deactivate({ accounts, devices, proof, reauthentication, uia, traces, commit, logger })
  return {
    accounts,
    isActive: (userId) => isActive(accounts, userId),
    accessTokens,
    createAccount,
    api: {
      logIn,
      sessions,
      ...signIn.api(createAccount, devices, {
        names: options.reservedNames,
        callbackOperations: callbackOperationsOf(of2015),
      }),
      endSessions: new EndSessions({ devices, uia, reauthentication, traces: deviceTraces, commit }),
      register,
      serverName,
      ...of2015,
      changePassword: new ChangePassword({
        accounts,
        devices,
        reauthentication,
        uia,
        traces: deviceTraces,
        proof,
        commit,
      }),
      deactivate,
      uia,
      captchaScript: config.captcha.scriptUrl,
      devices,
      thirdPartyIds: new ManageThirdPartyIds({ threepids, proof, reauthentication, uia, commit }),
      requestEmailToken: addresses.requestEmailToken,
      emails: addresses.emails,
      confirmByButton: config.mail.confirmByButton,
      registerBySecret: new RegisterBySecret({ accounts, secret, createAccount, serverName }),
    },
    resume: () => deactivate.resume(),
    settle: async () => {
      await deactivate.settled()
      await lastSeen.flush()
    },
    caches: () => [accessTokens.stats(), ...signIn.caches()],
  }
}

const isActive = async (accounts: Accounts, userId: UserId): Promise<boolean> => {
  const account = await accounts.account(userId)
  return account !== undefined && account.deactivatedAtMs === undefined
}

const tracesOf = ({ threepids }: ReturnType<typeof buildThirdPartyIds>, rooms: LeavingRooms): AccountTraces => ({
  changesFor: endedAccountChanges,
  unbind: (account, idServer) => threepids.unbindEverything(account, idServer),
  leaveAllRooms: (userId) => rooms.leaveAll(userId),
})

const buildDevices = ({ config, store, clock, random, logger }: Ground) => {
  const { commit } = store
  const lastSeen = new LastSeen({ writer: writers.devices, commit, clock, logger })
  const accessTokens = new AccessTokens({ reader: store.tokens, writer: writers.tokens, commit, lastSeen, clock })
  const devices = new Devices({ reader: store.devices, writer: writers.devices, commit, accessTokens, lastSeen })
  const kept = { reader: store.tokens, writer: writers.tokens }
  const lifetimes = lifetimesOf(config)
  const sessions = new Sessions({ devices: writers.devices, ...kept, accessTokens, commit, clock, random, lifetimes })
  return { lastSeen, accessTokens, devices, sessions }
}

const registerOptionsOf = ({ config, random }: Ground) => ({
  serverName: config.server.name,
  random,
  mode: config.registration.mode,
  allowGuests: config.registration.guests,
  reservedNames: new ReservedNames(config.registration.reservedUsernames),
})

/** Enough for the command line, which starts no sessions. */
export const buildAccountsOnly = ({
  config,
  store,
  rateLimiter,
  clock,
  random,
}: Pick<Ground, 'config' | 'store' | 'rateLimiter' | 'clock' | 'random'>): Accounts => {
  const { minLength, hashMemory, hashPasses, hashesAtOnce } = config.passwords
  const hasher = new PasswordHasher({
    random,
    // Argon2 wants at least 8 KiB for each lane.
    cost: { memoryKib: Math.max(8, Math.floor(hashMemory / 1_024)), passes: hashPasses, parallelism: 1 },
    concurrency: hashesAtOnce,
  })
  const attempts = { consume: (account: string) => rateLimiter.consume('login', account) }
  return new Accounts({
    reader: store.accounts,
    writer: writers.accounts,
    hasher,
    attempts,
    addresses: {
      owner: (medium, address) => ownerIn(store.thirdPartyIds, medium, address),
      canonical: (medium, address) => thirdPartyIdOf(medium, address)?.address,
    },
    serverName: config.server.name,
    clock,
    minPasswordLength: minLength,
  })
}

/** Until they choose a name, people are called by their local part, as clients expect. */
export const newAccountChanges: NewAccountChanges = {
  changesFor: (userId, displayName) => [
    writers.profiles.setFieldOf(userId, 'displayname', JSON.stringify(displayName ?? localpartOf(userId))),
  ],
}

/** Pushers end with the device they were set on. */
const deviceTraces: DeviceTraces = { orphansOf: (userId) => writers.pushers.removeOrphans(userId) }

const endedAccountChanges = ({ user, userId }: AccountRecord): readonly Change<unknown>[] => [
  writers.profiles.removeProfile(user),
  writers.accountData.removeAll(user),
  writers.filters.removeAll(user),
  writers.presence.remove(user),
  writers.presenceLists.remove(user),
  writers.pushers.removeAll(user),
  // Before the addresses, by which they are found.
  writers.emailValidations.withdraw(userId, ['password', 'login', 'add']),
  writers.thirdPartyIds.removeAll(user),
]

const lifetimesOf = ({ sessions }: Config) => ({
  accessMs: sessions.accessTokenLifetime.ms,
  refreshableAccessMs: sessions.refreshableAccessTokenLifetime.ms,
  refreshMs: sessions.refreshTokenLifetime.ms,
})
