import {
  type Accounts,
  type CallbackOperation,
  type Conversation,
  EMAIL_STAGE,
  EmailStages2015,
  type InteractiveAuth,
  LOG_IN_2015,
  type LogIn,
  LogIn2015,
  REGISTRATION_2015,
  type Register,
  Registration2015,
  type Stage,
  type StageOffer,
} from '#domain'
import type { Ground } from '../ground/ground.ts'
import type { BuiltThirdPartyIds } from './third-party-ids.ts'

export interface Needs2015 {
  readonly accounts: Accounts
  readonly register: Register
  readonly logIn: LogIn
  readonly uia: InteractiveAuth
  readonly addresses: BuiltThirdPartyIds
  /** The offer of a registration of today. */
  readonly offer: StageOffer
  readonly loginStages: readonly Stage[]
}

export interface Built2015 {
  readonly oldSignUp: Registration2015
  readonly oldLogIn: LogIn2015
}

/** Builds registration and login of the first version of the API, over the same domain. */
export const build2015 = (
  { config, store, shortLived, random }: Ground,
  { accounts, register, logIn, uia, addresses: { ownMail, proof, threepids }, offer, loginStages }: Needs2015,
): Built2015 => {
  const lifetimeMs = config.sessions.authenticationSessionLifetime
  const byEmail = new EmailStages2015({
    ownMail,
    proof,
    threepids,
    accounts,
    conversations: shortLived.table<Conversation>('email-conversation', { lifetimeMs }),
    random,
    trustsIdentityServers: config.identityServers.trusted.length > 0,
    commit: store.commit,
  })
  return {
    oldSignUp: new Registration2015({
      register,
      isOpen: config.registration.mode !== 'closed',
      offer,
      oldStages: new Map([[EMAIL_STAGE, byEmail.registering()]]),
      serverName: config.server.name,
    }),
    oldLogIn: new LogIn2015({ logIn, uia, stages: [...loginStages, ...byEmail.loggingIn()] }),
  }
}

/** The operations of 2015 that the redirect URI of a provider completes by itself. */
export const callbackOperationsOf = ({ oldSignUp, oldLogIn }: Built2015): ReadonlyMap<string, CallbackOperation> =>
  new Map([
    [REGISTRATION_2015, { run: (auth, from) => oldSignUp.run(auth, from), answersBrowserOnly: false }],
    [
      LOG_IN_2015,
      {
        run: (auth, from) =>
          oldLogIn.run(auth, { deviceId: undefined, displayName: undefined, refreshable: false, from }),
        answersBrowserOnly: true,
      },
    ],
  ])
