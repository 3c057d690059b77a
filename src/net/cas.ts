import type { Clock } from '#base'
import { type CasAnswer, readCasAnswer } from './cas-answer.ts'
import { type ProvenIdentity, ProviderFailure } from './openid.ts'
import { boundedFetch } from './openid-transport.ts'

export interface CasOptions {
  readonly clock: Clock
  /** The base URL, with no slash at its end: `https://cas.example.org/cas`. */
  readonly serverUrl: string
  /** The attributes that a person must have; a value of undefined means any. */
  readonly requiredAttributes: readonly { readonly name: string; readonly value: string | undefined }[]
  readonly timeoutMs: number
}

const MAX_TICKET_LENGTH = 1_024
const MAX_SUBJECT_LENGTH = 255

/** A single sign-on server that speaks CAS, version 2 or 3 of its protocol: tickets, and their validation as XML. */
export class CasServer {
  readonly #options: CasOptions

  constructor(options: CasOptions) {
    this.#options = options
  }

  /** Returns the URL to send the browser to; it comes back to `service` with a ticket. `again`: the person has to log in there anew. */
  loginUri(service: string, again: boolean): string {
    return `${this.#options.serverUrl}/login?${query({ service, ...(again ? { renew: 'true' } : {}) })}`
  }

  /** Returns the identity behind a ticket, which is good once and for this `service` only. Throws `ProviderFailure`. */
  async identify(ticket: string, service: string, again: boolean): Promise<ProvenIdentity> {
    if (!/^[!-~]+$/.test(ticket) || ticket.length > MAX_TICKET_LENGTH) {
      throw new ProviderFailure('invalid', 'the ticket is none')
    }
    const { attributes, user } = proofIn(
      await this.#ask(query({ service, ticket, ...(again ? { renew: 'true' } : {}) })),
    )
    for (const { name, value } of this.#options.requiredAttributes) {
      const values = attributes.get(name) ?? []
      if (value === undefined ? values.length === 0 : !values.includes(value)) {
        throw new ProviderFailure('denied', `the person lacks the attribute ${name}`)
      }
    }
    // The first of several values counts. The user comes last, so that no attribute can overwrite it.
    const claims = [...attributes].flatMap(([name, [first]]) => (first === undefined ? [] : [[name, first] as const]))
    return { subject: user, claims: Object.fromEntries([...claims, ['user', user]]) }
  }

  async #ask(parameters: string): Promise<CasAnswer> {
    const { clock, serverUrl, timeoutMs } = this.#options
    let answer: Response
    try {
      const headers = { accept: 'application/xml, text/xml', 'user-agent': 'homeroom' }
      // r0.4.0, "CAS-based client login": "The server MUST call /proxyValidate on the CAS server".
      const url = `${serverUrl}/proxyValidate?${parameters}`
      answer = await boundedFetch(clock, timeoutMs)(url, {
        method: 'GET',
        headers,
        body: undefined,
        redirect: 'manual',
      })
    } catch (error) {
      throw new ProviderFailure('unavailable', error)
    }
    if (answer.status !== 200)
      throw new ProviderFailure(answer.status >= 500 ? 'unavailable' : 'invalid', answer.status)
    return readCasAnswer(await answer.text())
  }
}

/** Percent-encoded throughout: CAS compares what it was given at login with what it is given with the ticket. */
const query = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')

const proofIn = (answer: CasAnswer): CasAnswer & { readonly kind: 'success' } => {
  switch (answer.kind) {
    case 'garbage':
      throw new ProviderFailure('invalid', answer.why)
    case 'failure':
      // The only code that says nothing of the ticket.
      throw new ProviderFailure(answer.code === 'INTERNAL_ERROR' ? 'unavailable' : 'invalid', `CAS says ${answer.code}`)
    case 'success': {
      const { user } = answer
      if (user === '' || user.length > MAX_SUBJECT_LENGTH || /\p{Cc}/u.test(user)) {
        throw new ProviderFailure('invalid', 'the user is missing, or no text of ours')
      }
      return answer
    }
  }
}
