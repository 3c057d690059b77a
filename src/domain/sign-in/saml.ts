import { hash } from 'node:crypto'
import { type AuthorizationSecrets, type ProvenIdentity, ProviderFailure } from '#net'
import type { ShortLivedTable } from '#store'
import type { ProviderClient } from './provider.ts'
import type { Authorization } from './sign-in.ts'

/** Paths below the base URL; `api` serves them. */
export const SAML_METADATA_PATH = '/_homeroom/sign-in/saml/metadata'
export const SAML_ANSWER_PATH = '/_homeroom/sign-in/saml/acs'

/** The protocol with a SAML provider; `SamlProvider` of `#net`. `identify` throws `ProviderFailure`. */
export interface SamlServer {
  loginUrl(requestId: string, relayState: string, again: boolean): Promise<string>
  identify(response: string, requestId: string): Promise<ProvenIdentity>
  metadata(): Promise<string>
}

export interface SamlClientParts {
  readonly server: SamlServer
  /** Answers that browsers brought, by `state`, until they go on to the callback. */
  readonly answers: ShortLivedTable<{ readonly response: string }>
  readonly authorizations: Pick<ShortLivedTable<Authorization>, 'find'>
}

/**
 * A SAML provider among those that send browsers back with a `state`: that is the relay state here. The answer comes by a form of another site, with which
 * browsers send no cookies of ours; so it is kept, and the browser goes on to the callback by itself.
 */
export class SamlClient implements ProviderClient {
  readonly #parts: SamlClientParts

  constructor(parts: SamlClientParts) {
    this.#parts = parts
  }

  authorizationUri({ state, nonce }: AuthorizationSecrets, again: boolean): Promise<string> {
    return this.#parts.server.loginUrl(requestIdOf(nonce), state, again)
  }

  async identify(query: URLSearchParams, { state, nonce }: AuthorizationSecrets): Promise<ProvenIdentity> {
    const kept = await this.#parts.answers.take(query.get('state') ?? '')
    if (kept === undefined || query.get('state') !== state) throw new ProviderFailure('invalid', 'there is no answer')
    return this.#parts.server.identify(kept.response, requestIdOf(nonce))
  }

  /** Keeps an answer, one for each sign-in that was begun. false: none was, as for an answer that nobody asked for. */
  async receive(state: string, response: string): Promise<boolean> {
    const { answers, authorizations } = this.#parts
    if ((await authorizations.find(state)) === undefined) return false
    await answers.put({ response }, { id: state })
    return true
  }

  metadata(): Promise<string> {
    return this.#parts.server.metadata()
  }
}

/** An XML id begins with no digit. */
const requestIdOf = (nonce: string): string => `_${hash('sha256', nonce, 'hex')}`
