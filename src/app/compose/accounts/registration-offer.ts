import type { Config } from '#config'
import {
  dummyStage,
  EMAIL_STAGE,
  type EmailProof,
  factIn,
  type PolicyDocument,
  provenIn,
  type RegistrationOutcome,
  type RegistrationTokens,
  recaptchaStage,
  registrationTokenStage,
  type Stage,
  type StageOffer,
  TOKEN_STAGE,
  termsStage,
} from '#domain'
import { CaptchaVerifier } from '#net'
import type { Ground } from '../ground/ground.ts'

/** The stages that this server asks of people who register, and the changes that come of them. */
export interface RegistrationOffer extends Pick<RegistrationOutcome, 'changesFor'> {
  readonly offer: StageOffer
}

/** Builds the offer without sign-in at providers. */
export const registrationOffer = (ground: Ground, tokens: RegistrationTokens, proof: EmailProof): RegistrationOffer => {
  const { config } = ground
  const documents = termsOf(config)
  const terms = termsStage(documents)
  const captcha = captchaOf(ground)
  const asked = [
    ...(config.registration.mode === 'token' ? [TOKEN_STAGE] : []),
    ...(config.registration.captcha ? captcha.map(({ type }) => type) : []),
    ...(documents.length > 0 ? [terms.type] : []),
  ]
  const withEmail = [...asked, EMAIL_STAGE]
  const { email } = config.registration
  // If there is a choice of flows, the shorter one gets a stage of its own: otherwise it would be complete when the longer one has only begun.
  const without = asked.length > 0 && email !== 'optional' ? asked : [...asked, dummyStage.type]
  const flows = [...(email === 'required' ? [] : [without]), ...(email === 'off' ? [] : [withEmail])]
  const stages = [dummyStage, registrationTokenStage(tokens), terms, proof.registrationStage()]
  return {
    // A stage in no flow cannot be passed, except a captcha: that can do no harm, and clients send it unasked.
    offer: { flows, stages: [...captcha, ...stages.filter(({ type }) => flows.some((flow) => flow.includes(type)))] },
    changesFor: (facts, userId) => {
      const proven = factIn(facts, 'registrationToken')
      const address = provenIn(facts)
      return [
        ...(proven === undefined ? [] : [tokens.use(proven.token)]),
        ...(address === undefined ? [] : proof.added(userId, address)),
      ]
    },
  }
}

/** The captcha stage, if its keys are configured. Another setting says whether registration requires it. */
const captchaOf = ({ config: { captcha }, clock, logger }: Ground): readonly Stage[] => {
  const { publicKey, privateKey, verifyUrl, timeout } = captcha
  if (publicKey === undefined || privateKey === undefined) return []
  return [recaptchaStage(publicKey, new CaptchaVerifier({ clock, logger, verifyUrl, privateKey, timeoutMs: timeout }))]
}

export const termsOf = ({ registration: { termsUrl, termsVersion, termsName } }: Config): readonly PolicyDocument[] =>
  termsUrl === undefined
    ? []
    : [{ id: 'terms_of_service', version: termsVersion, translations: { en: { name: termsName, url: termsUrl } } }]
