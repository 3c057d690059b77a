import { type InteractiveAuth, type LogIn, OldLogIn, OldSignUp, type Register, type StageOffer } from '#domain'
import type { Ground } from './ground.ts'

/** Registration and login as the first version has them, over the same domain. */
export const buildOldDances = (
  { config }: Ground,
  { register, logIn, uia }: { readonly register: Register; readonly logIn: LogIn; readonly uia: InteractiveAuth },
  offer: StageOffer,
): { readonly oldSignUp: OldSignUp; readonly oldLogIn: OldLogIn } => ({
  oldSignUp: new OldSignUp(register, offer, new Map(), config.server.name),
  oldLogIn: new OldLogIn(logIn, uia, []),
})
