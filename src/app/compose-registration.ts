import type { Config } from '#config'
import {
  dummyStage,
  EMAIL_STAGE,
  type EmailProof,
  type PolicyDocument,
  provenIn,
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
  proof: EmailProof,
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
  const withEmail = [...asked, EMAIL_STAGE]
  const { email } = config.registration
  // With a choice the shorter flow ends in a stage of its own, lest it be done where the longer one only began.
  const without = asked.length > 0 && email !== 'optional' ? asked : [...asked, dummyStage.type]
  return {
    offer: {
      flows: [...(email === 'required' ? [] : [without]), ...(email === 'off' ? [] : [withEmail])],
      stages: [dummyStage, registrationTokenStage(tokens), ...captcha, terms, proof.registrationStage()],
    },
    outcomeOf: (facts, userId) => {
      const token = facts.get(TOKEN_STAGE)
      const address = provenIn(facts)
      return [
        ...(token === undefined ? [] : [tokens.use(token)]),
        ...(address === undefined ? [] : proof.added(userId, address)),
      ]
    },
  }
}

/** Whether to register needs it is for the configuration to say, which then has the keys. */
const captchaOf = ({ config: { registration, captcha }, clock }: Ground): readonly Stage[] => {
  const { publicKey, privateKey, verifyUrl, timeout } = captcha
  if (!registration.captcha || publicKey === undefined || privateKey === undefined) return []
  return [recaptchaStage(publicKey, new CaptchaVerifier({ clock, verifyUrl, privateKey, timeoutMs: timeout }))]
}

export const termsOf = ({ registration: { termsUrl, termsVersion, termsName } }: Config): readonly PolicyDocument[] =>
  termsUrl === undefined
    ? []
    : [{ id: 'terms_of_service', version: termsVersion, translations: { en: { name: termsName, url: termsUrl } } }]
