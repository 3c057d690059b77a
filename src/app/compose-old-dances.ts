import {
  type BrowserDance,
  type InteractiveAuth,
  type LogIn,
  OLD_LOG_IN,
  OLD_SIGN_UP,
  OldLogIn,
  OldSignUp,
  type Register,
  type Stage,
  type StageOffer,
} from '#domain'
import type { Ground } from './ground.ts'

/** Registration and login as the first version has them, over the same domain. */
export const buildOldDances = (
  { config }: Ground,
  { register, logIn, uia }: { readonly register: Register; readonly logIn: LogIn; readonly uia: InteractiveAuth },
  offer: StageOffer,
  loginStages: readonly Stage[],
): { readonly oldSignUp: OldSignUp; readonly oldLogIn: OldLogIn } => ({
  oldSignUp: new OldSignUp(register, offer, new Map(), config.server.name),
  oldLogIn: new OldLogIn(logIn, uia, loginStages),
})

/** What the redirect URI of a provider answers for them. */
export const dancesOf = ({ oldSignUp, oldLogIn }: ReturnType<typeof buildOldDances>): ReadonlyMap<string, BrowserDance> =>
  new Map([
    [OLD_SIGN_UP, { run: (auth, from) => oldSignUp.run(auth, from), answersBrowserOnly: false }],
    [
      OLD_LOG_IN,
      {
        run: (auth, from) => oldLogIn.run(auth, { deviceId: undefined, displayName: undefined, refreshable: false, from }),
        answersBrowserOnly: true,
      },
    ],
  ])
