import {
  type Accounts,
  type CallbackOperation,
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
import type { Ground } from './ground.ts'
import type { BuiltThirdPartyIds } from './third-party-ids.ts'

export interface Needs2015 {
  readonly accounts: Accounts
  readonly register: Register
  readonly logIn: LogIn
  readonly uia: InteractiveAuth
}

/** Registration and login as the first version has them, over the same domain. */
export const build2015 = (
  { config, store, clock, random }: Ground,
  { accounts, register, logIn, uia }: Needs2015,
  { emails, proof, threepids }: BuiltThirdPartyIds,
  offer: StageOffer,
  loginStages: readonly Stage[],
): { readonly oldSignUp: Registration2015; readonly oldLogIn: LogIn2015 } => {
  const byEmail = new EmailStages2015(emails, proof, threepids, accounts, {
    clock,
    random,
    lifetimeMs: config.sessions.authenticationSessionLifetime,
    trustsIdentityServers: config.identityServers.trusted.length > 0,
    commit: store.commit,
  })
  return {
    oldSignUp: new Registration2015(
      register,
      offer,
      new Map([[EMAIL_STAGE, byEmail.registering()]]),
      config.server.name,
    ),
    oldLogIn: new LogIn2015(logIn, uia, [...loginStages, ...byEmail.loggingIn()]),
  }
}

/** What the redirect URI of a provider answers for them. */
export const callbackOperationsOf = ({
  oldSignUp,
  oldLogIn,
}: ReturnType<typeof build2015>): ReadonlyMap<string, CallbackOperation> =>
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
