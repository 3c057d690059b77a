import type { Config } from '#config'
import {
  dummyStage,
  type PolicyDocument,
  type RegisterOptions,
  type RegistrationTokens,
  recaptchaStage,
  registrationTokenStage,
  type Stage,
  TOKEN_STAGE,
  termsStage,
} from '#domain'
import { CaptchaVerifier } from '#net'
import type { Ground } from './ground.ts'

/** What this server asks of who registers, and what comes of the answers. */
export const registrationOffer = (
  ground: Ground,
  tokens: RegistrationTokens,
): Pick<RegisterOptions, 'offer' | 'outcomeOf'> => {
  const { config } = ground
  const documents = termsOf(config)
  const terms = termsStage(documents)
  const captcha = captchaOf(ground)
  const asked = [
    ...(config.registration.mode === 'token' ? [TOKEN_STAGE] : []),
    ...captcha.map(({ type }) => type),
    ...(documents.length > 0 ? [terms.type] : []),
  ]
  return {
    offer: {
      flows: [asked.length > 0 ? asked : [dummyStage.type]],
      stages: [dummyStage, registrationTokenStage(tokens), ...captcha, terms],
    },
    outcomeOf: (facts) => {
      const token = facts.get(TOKEN_STAGE)
      return token === undefined ? [] : [tokens.use(token)]
    },
  }
}

/** Whether to register needs it is for the configuration to say, which then has the keys. */
const captchaOf = ({ config: { registration, captcha }, clock }: Ground): readonly Stage[] => {
  const { publicKey, privateKey, verifyUrl, timeout } = captcha
  if (!registration.captcha || publicKey === undefined || privateKey === undefined) return []
  return [recaptchaStage(publicKey, new CaptchaVerifier({ clock, verifyUrl, privateKey, timeoutMs: timeout }))]
}

const termsOf = ({ registration: { termsUrl, termsVersion, termsName } }: Config): readonly PolicyDocument[] =>
  termsUrl === undefined
    ? []
    : [{ id: 'terms_of_service', version: termsVersion, translations: { en: { name: termsName, url: termsUrl } } }]
