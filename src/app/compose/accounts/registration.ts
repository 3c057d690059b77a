import type { AccountsDeps } from '#api'
import {
  type Admission,
  type AppServices,
  type BanLists,
  BindEmail,
  CompleteRegistration,
  CreateAccount,
  LOG_IN_2015,
  LogIn,
  type LogInParts,
  NewUserIds,
  NOTICES_LOCALPART,
  REGISTRATION,
  REGISTRATION_2015,
  Register,
  RegisterBySecret,
  RegisterGuest,
  RegistrationPolicy,
  RegistrationTokens,
  ReservedNames,
  ServiceAccounts,
  SharedSecret,
  type Stage,
  UpgradeGuest,
} from '#domain'
import type { UserId } from '#spec'
import { writers } from '#store'
import type { Ground } from '../ground/ground.ts'
import { wellKnownOf } from '../ground/well-known.ts'
import { type BuiltParts, deviceTraces, newAccountChanges } from './account-parts.ts'
import { buildAdmission } from './admission.ts'
import { build2015, callbackOperationsOf } from './of-2015.ts'
import { registrationOffer } from './registration-offer.ts'

type RegistrationApi = Pick<
  AccountsDeps,
  | 'logIn'
  | 'register'
  | 'registerGuest'
  | 'registrationPolicy'
  | 'registerBySecret'
  | 'oldSignUp'
  | 'oldLogIn'
  | 'signIn'
  | 'getLoginToken'
  | 'signInPages'
  | 'serviceAccounts'
>

export interface BuiltRegistration {
  readonly createAccount: CreateAccount
  readonly newUserIds: NewUserIds
  readonly admission: Admission
  /** The stages of registrations and logins, by the operation of their sessions. */
  readonly stages: ReadonlyMap<string, readonly Stage[]>
  readonly api: RegistrationApi
}

/** Whether a mail goes to people whose account was approved: those who have an address. */
const toldOfApprovalIn =
  ({ config, store }: Ground) =>
  async (userId: UserId): Promise<boolean> => {
    const account = config.mail.smtpHost === undefined ? undefined : await store.accounts.account(userId)
    if (account === undefined) return false
    return (await store.thirdPartyIds.ofUser(account.user)).some(({ medium }) => medium === 'email')
  }

const NONCE_LIFETIME_MS = 60_000
const MAX_NONCES = 1_000

/** Builds every way to a new account and to a session. */
export const buildRegistration = (ground: Ground, built: BuiltParts, services: AppServices): BuiltRegistration => {
  const { config, store, shortLived, clock, random } = ground
  const { commit } = store
  const { accounts, devices, accessTokens, sessions, uia, addresses, signIn } = built
  const serverName = config.server.name
  const tokens = new RegistrationTokens({ reader: store.registrationTokens, writer: writers.registrationTokens, clock })
  const reservedNames = new ReservedNames(
    [...config.registration.reservedUsernames, NOTICES_LOCALPART],
    config.registration.allowedUsernames,
  )
  const newUserIds = new NewUserIds({
    accounts,
    reservedNames: allReserved(reservedNames, services, ground.bans),
    random,
  })
  const createAccount = new CreateAccount({ accounts, sessions, extras: newAccountChanges, commit })
  const upgradeGuest = new UpgradeGuest({
    ...{ accounts, devices, sessions, commit },
    tokens: accessTokens,
    traces: deviceTraces,
  })
  const toldOfApproval = toldOfApprovalIn(ground)
  const admission = buildAdmission(ground, { toldOfApproval, tellAdministrators: built.tellAdministrators })
  const logIn = new LogIn({
    ...{ accounts, sessions, commit, serverName, wellKnown: wellKnownOf(config), toldOfApproval },
    check: loginCheckOf(ground),
  })
  const bindEmail = new BindEmail({ accounts, threepids: addresses.threepids })
  const { offer, changesFor } = signIn.registering(registrationOffer(ground, tokens, addresses.proof))
  const completion = new CompleteRegistration({
    ...{ accounts, devices, newUserIds, createAccount, upgradeGuest, logIn, serverName },
    outcome: { admission, changesFor, bindEmail: (userId, facts) => bindEmail.run(userId, facts) },
  })
  const policy = new RegistrationPolicy({ mode: config.registration.mode, tokens, newUserIds })
  const register = new Register({ policy, accounts, newUserIds, upgradeGuest, uia, offer, completion })
  const { loginStages } = signIn
  const of2015 = build2015(ground, { accounts, register, logIn, uia, addresses, offer, loginStages })
  const secret = new SharedSecret({
    secret: config.registration.sharedSecret,
    nonces: shortLived.table('registration-nonce', { lifetimeMs: NONCE_LIFETIME_MS, rows: MAX_NONCES }),
    random,
  })
  return {
    ...{ createAccount, newUserIds, admission },
    stages: new Map([
      [REGISTRATION, offer.stages],
      [REGISTRATION_2015, of2015.oldSignUp.stages],
      [LOG_IN_2015, of2015.oldLogIn.stages],
    ]),
    api: {
      logIn,
      register,
      registerGuest: new RegisterGuest({
        ...{ newUserIds, createAccount, serverName, admission },
        allowed: config.registration.guests,
      }),
      registrationPolicy: policy,
      serviceAccounts: new ServiceAccounts({ services, accounts, createAccount, logIn, serverName }),
      registerBySecret: new RegisterBySecret({ accounts, reservedNames: services, secret, createAccount, serverName }),
      ...of2015,
      ...signIn.api({
        newUserIds,
        createAccount,
        admission,
        devices,
        callbackOperations: callbackOperationsOf(of2015),
      }),
    },
  }
}

/** Names that the operator keeps, and those that application services have for themselves. */
const loginCheckOf = ({ checks }: Ground): LogInParts['check'] =>
  checks?.checks('login') !== true
    ? undefined
    : async (userId, { ip, userAgent }) => {
        await checks.ask('login', () => ({ user_id: userId, ip, user_agent: userAgent ?? null }))
      }

const allReserved = (
  names: ReservedNames,
  services: AppServices,
  bans: Pick<BanLists, 'mind'>,
): Pick<ReservedNames, 'includes' | 'assertUnreserved'> => ({
  includes: (userId) => names.includes(userId) || services.includes(userId),
  assertUnreserved: (userId) => {
    names.assertUnreserved(userId)
    services.assertUnreserved(userId)
    bans.mind(userId, undefined)
  },
})
