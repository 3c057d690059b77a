import {
  type Accounts,
  type BrowserDance,
  EMAIL_STAGE,
  type InteractiveAuth,
  type LogIn,
  OLD_LOG_IN,
  OLD_SIGN_UP,
  OldEmailStages,
  OldLogIn,
  OldSignUp,
  type Register,
  type Stage,
  type StageOffer,
} from '#domain'
import type { Ground } from './ground.ts'
import type { ThirdPartyIdRooms } from './third-party-ids.ts'

export interface OldDanceNeeds {
  readonly accounts: Accounts
  readonly register: Register
  readonly logIn: LogIn
  readonly uia: InteractiveAuth
}

/** Registration and login as the first version has them, over the same domain. */
export const buildOldDances = (
  { config, store, clock, random }: Ground,
  { accounts, register, logIn, uia }: OldDanceNeeds,
  { emails, proof, threepids }: ThirdPartyIdRooms,
  offer: StageOffer,
  loginStages: readonly Stage[],
): { readonly oldSignUp: OldSignUp; readonly oldLogIn: OldLogIn } => {
  const byEmail = new OldEmailStages(emails, proof, threepids, accounts, {
    clock,
    random,
    lifetimeMs: config.sessions.authenticationSessionLifetime,
    trustsIdentityServers: config.identityServers.trusted.length > 0,
    commit: store.commit,
  })
  return {
    oldSignUp: new OldSignUp(register, offer, new Map([[EMAIL_STAGE, byEmail.registering()]]), config.server.name),
    oldLogIn: new OldLogIn(logIn, uia, [...loginStages, ...byEmail.loggingIn()]),
  }
}

/** What the redirect URI of a provider answers for them. */
export const dancesOf = ({
  oldSignUp,
  oldLogIn,
}: ReturnType<typeof buildOldDances>): ReadonlyMap<string, BrowserDance> =>
  new Map([
    [OLD_SIGN_UP, { run: (auth, from) => oldSignUp.run(auth, from), answersBrowserOnly: false }],
    [
      OLD_LOG_IN,
      {
        run: (auth, from) =>
          oldLogIn.run(auth, { deviceId: undefined, displayName: undefined, refreshable: false, from }),
        answersBrowserOnly: true,
      },
    ],
  ])
