import { type Errcode, type JsonObject, stringAt, type UserId } from '#spec'
import type { StageFact } from './facts.ts'

/** A session as a stage sees it before anybody tries it. */
export interface StageSession {
  readonly id: string
  /** Method and path. */
  readonly operation: string
  readonly requester: UserId | undefined
}

export interface StageAttempt {
  /** The session's id, by which a stage of several requests keeps its state. */
  readonly session: string
  /** The `auth` object of the request. Hostile. */
  readonly auth: JsonObject
  /** The user of the request's access token, if it has one. */
  readonly requester: UserId | undefined
  /** The IP address of the request, if known. */
  readonly ip: string | undefined
}

export type StageOutcome =
  | {
      readonly kind: 'passed'
      readonly fact?: StageFact
    }
  /** "Individual stages may require more than one request to complete": `fields` are for the client, for its next one. */
  | { readonly kind: 'pending'; readonly fields?: JsonObject }
  /** The client may try again; unless it is `final`, which ends the session. */
  | { readonly kind: 'failed'; readonly errcode: Errcode; readonly error: string; readonly final?: boolean }

/** One way to authenticate. Client-server API, "Authentication types". */
export interface Stage {
  readonly type: string
  /** The stage's `params` in the answer, the same for all or made for each session. */
  readonly params?: JsonObject | ((session: StageSession) => Promise<JsonObject>)
  /** Throws a `MatrixError` if the whole request fails for another reason than authentication. */
  attempt(attempt: StageAttempt): Promise<StageOutcome>
}

/** The flows that an operation asks for, and the stages that can be done for it. */
export interface StageOffer {
  /** Each a list of stage types in their order. */
  readonly flows: readonly (readonly string[])[]
  /**
   * Whether a flow's stages may be passed in any order. The document of 2015 lets the client choose "one of the stages" of its flow; that of
   * today says that they "must be completed in order". Clients of each are treated by the rule of their time.
   */
  readonly anyOrder?: boolean
  readonly stages: readonly Stage[]
}

/** "Dummy authentication always succeeds". */
export const dummyStage: Stage = {
  type: 'm.login.dummy',
  attempt: () => Promise.resolve({ kind: 'passed' }),
}

export interface PolicyDocument {
  /** The member's name in `policies`: `terms_of_service`, `privacy_policy`. */
  readonly id: string
  readonly version: string
  /** Language -> name and page. */
  readonly translations: Readonly<Record<string, { readonly name: string; readonly url: string }>>
}

export const TERMS_STAGE = 'm.login.terms'

/** Submitting the stage says that all documents shown were accepted: "Terms of service at registration". */
export const termsStage = (documents: readonly PolicyDocument[]): Stage => ({
  type: TERMS_STAGE,
  params: {
    policies: Object.fromEntries(documents.map(({ id, version, translations }) => [id, { version, ...translations }])),
  },
  attempt: () => Promise.resolve({ kind: 'passed' }),
})

/** A service that tells people from machines, asked over the network. */
export interface CaptchaCheck {
  /** `unavailable`: it did not answer in time, or not as it should. Never throws. */
  verify(response: string, ip: string | undefined): Promise<'solved' | 'refused' | 'unavailable'>
}

/** Longer answers than any known captcha gives are not carried on. */
const MAX_CAPTCHA_RESPONSE = 16 * 1024

/** "Google ReCaptcha": the widget's response, checked by the captcha's service. */
export const recaptchaStage = (publicKey: string, captcha: CaptchaCheck): Stage => ({
  type: 'm.login.recaptcha',
  params: { public_key: publicKey },
  attempt: async ({ auth, ip }) => {
    const response = stringAt(auth, 'response')
    if (response === undefined || response === '') {
      return { kind: 'failed', errcode: 'M_CAPTCHA_NEEDED', error: 'The captcha was not solved' }
    }
    const outcome = response.length > MAX_CAPTCHA_RESPONSE ? 'refused' : await captcha.verify(response, ip)
    switch (outcome) {
      case 'solved':
        return { kind: 'passed' }
      case 'refused':
        return {
          kind: 'failed',
          errcode: 'M_CAPTCHA_INVALID',
          error: 'The captcha was not solved rightly, or too long ago',
        }
      case 'unavailable':
        return { kind: 'failed', errcode: 'M_UNKNOWN', error: 'The captcha cannot be checked now; try again later' }
    }
  },
})
