import type { Profile, SAML } from '@node-saml/node-saml'
import type { Clock } from '#base'
import { isJsonObject, type JsonObject } from '#spec'
import { type ProvenIdentity, ProviderFailure } from './openid.ts'

export interface SamlOptions {
  readonly clock: Clock
  readonly idp: {
    readonly entryPoint: string
    /** The provider's entity id. */
    readonly issuer: string
    /** In PEM. */
    readonly certificate: string
    readonly signed: 'assertion' | 'response'
  }
  /** This server's entity id, which is the address of its metadata. */
  readonly entityId: string
  /** Where browsers bring the provider's answers. */
  readonly callbackUrl: string
  readonly attributes: {
    /** undefined: the NameID. */
    readonly subject: string | undefined
    readonly username: string
    readonly displayName: string
    readonly email: string
  }
  readonly clockSkewMs: number
}

const MAX_ASSERTION_AGE_MS = 10 * 60_000
const MAX_RESPONSE_LENGTH = 64 * 1024
/** Far more than an answer with hundreds of values has; the work of checking grows with it. */
const MAX_TAGS = 2_000
const MAX_VALUE_LENGTH = 1_000
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'
/** Signatures and digests that can be forged. */
const WEAK = /xmldsig#(?:(?:rsa|dsa|hmac)-)?sha1\b|#(?:rsa-)?md5\b|#hmac-/

/** A SAML 2.0 provider: requests by redirect, answers by a form that the browser posts. The library is loaded with the first sign-in. */
export class SamlProvider {
  readonly #options: SamlOptions

  constructor(options: SamlOptions) {
    this.#options = options
  }

  /** The address to which a browser goes. `requestId`: an XML id of the caller, which the answer has to name. */
  async loginUrl(requestId: string, relayState: string, again: boolean): Promise<string> {
    const library = await this.#library(requestId, again)
    return library.getAuthorizeUrlAsync(relayState, undefined, {})
  }

  /** Returns what the provider has to know of this server, as XML. */
  async metadata(): Promise<string> {
    return (await this.#library('_', false)).generateServiceProviderMetadata(null)
  }

  /**
   * The person in an answer (Base64) to that request. Its signature, issuer, audience, times, recipient and the request that it answers are checked, all in
   * what was signed. Throws `ProviderFailure`.
   */
  async identify(response: string, requestId: string): Promise<ProvenIdentity> {
    try {
      assertHarmless(response)
      const library = await this.#library(requestId, false)
      const { profile } = await library.validatePostResponseAsync({ SAMLResponse: response })
      if (profile === null) throw new Error('the answer names nobody')
      this.#assertConfirmed(profile, requestId)
      return this.#identityOf(profile)
    } catch (error) {
      const denied = error instanceof Error && error.name === 'SamlStatusError'
      throw new ProviderFailure(denied ? 'denied' : 'invalid', error)
    }
  }

  async #library(requestId: string, again: boolean): Promise<SAML> {
    const { SAML: Library, ValidateInResponseTo } = await import('@node-saml/node-saml')
    const { clock, idp, entityId, callbackUrl, clockSkewMs } = this.#options
    return new Library({
      entryPoint: idp.entryPoint,
      idpIssuer: idp.issuer,
      idpCert: idp.certificate,
      issuer: entityId,
      audience: entityId,
      callbackUrl,
      wantAssertionsSigned: idp.signed === 'assertion',
      wantAuthnResponseSigned: idp.signed === 'response',
      acceptedClockSkewMs: clockSkewMs,
      maxAssertionAgeMs: MAX_ASSERTION_AGE_MS,
      identifierFormat: null,
      disableRequestedAuthnContext: true,
      forceAuthn: again,
      signatureAlgorithm: 'sha256',
      generateUniqueId: () => requestId,
      validateInResponseTo: ValidateInResponseTo.always,
      // The request is known to the caller alone, and each is answered once.
      cacheProvider: {
        saveAsync: () => Promise.resolve(null),
        getAsync: (id) => Promise.resolve(id === requestId ? new Date(clock.nowMs()).toISOString() : null),
        removeAsync: () => Promise.resolve(null),
      },
    })
  }

  /** "The InResponseTo of the response" is outside of a signed assertion, so an assertion of another request could be put into an answer to this one. */
  #assertConfirmed(profile: Profile, requestId: string): void {
    const { callbackUrl, idp } = this.#options
    // The library checks the issuer of logouts alone.
    if (profile.issuer !== idp.issuer) throw new Error('the assertion has another issuer')
    const assertion: unknown = profile.getAssertion?.()
    const confirmations = listAt(
      firstAt(isJsonObject(assertion) ? assertion.Assertion : undefined, 'Subject'),
      'SubjectConfirmation',
    )
    const fits = confirmations.some((one) => {
      const data = firstAt(one, 'SubjectConfirmationData')
      const about = isJsonObject(data) ? data.$ : undefined
      return isJsonObject(about) && about.InResponseTo === requestId && about.Recipient === callbackUrl
    })
    if (!fits) throw new Error('the assertion was not made for this request')
  }

  #identityOf(profile: Profile): ProvenIdentity {
    const { attributes } = this.#options
    const given = isJsonObject(profile.attributes) ? profile.attributes : {}
    const [username, name, email] = [attributes.username, attributes.displayName, attributes.email].map((one) =>
      textOf(given[one]),
    )
    const isTransient = attributes.subject === undefined && profile.nameIDFormat === TRANSIENT
    const subject = textOf(attributes.subject === undefined ? profile.nameID : given[attributes.subject])
    if (subject === undefined || isTransient) throw new Error('the answer has no name that lasts')
    const claims = Object.entries({ username: username ?? subject, name, email }).filter(
      ([, value]) => value !== undefined,
    )
    return { subject, claims: { ...Object.fromEntries(claims), email_verified: true } as JsonObject }
  }
}

/** Throws for what no answer needs: entities, weak signatures, great length. */
const assertHarmless = (response: string): void => {
  if (response.length > MAX_RESPONSE_LENGTH) throw new Error('the answer is too long')
  const xml = Buffer.from(response, 'base64').toString('utf8')
  if (/<!(?:DOCTYPE|ENTITY)/i.test(xml)) throw new Error('the answer defines entities')
  if ((xml.match(/</g)?.length ?? 0) > MAX_TAGS) throw new Error('the answer has too many elements')
  if (WEAK.test(xml)) throw new Error('the answer has a weak signature')
}

const textOf = (value: unknown): string | undefined => {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first !== 'string' || first === '' || first.length > MAX_VALUE_LENGTH ? undefined : first
}

const listAt = (value: unknown, name: string): readonly unknown[] => {
  const list = isJsonObject(value) ? value[name] : undefined
  return Array.isArray(list) ? list : []
}

const firstAt = (value: unknown, name: string): unknown => listAt(value, name)[0]
