import { hash } from 'node:crypto'
import { type Clock, failureWords, type Logger, type Random } from '#base'
import { ProviderFailure } from '#net'
import type { ShortLivedTable } from '#store'
import { type Identity, identityFrom } from './identity.ts'
import { givesTickets, isTicketServer, type SignInProvider } from './provider.ts'
import type { SignInPurpose } from './purpose.ts'
import { type TicketJourney, Tickets } from './tickets.ts'

export interface BeginRequest {
  readonly purpose: SignInPurpose
  /** A repeated request with the same key gets the same address until it is used. */
  readonly key: string
  /** Whether a provider may be used; undefined: all may. */
  accepts?(provider: SignInProvider): boolean
  /** Whether the person has to authenticate anew although they are logged in at the provider. */
  readonly again?: boolean
}

/** A browser's visit to a provider. */
export interface Authorization {
  readonly purpose: SignInPurpose
  readonly providerId: string
  readonly nonce: string
  readonly pkceVerifier: string
  /** Hash of the cookie of the browser that began; undefined if an app began and opened a browser later. */
  readonly browser?: string | undefined
}

/** A `Choice` as stored, with provider ids: a provider that the operator removes meanwhile can no longer be chosen. */
export interface KeptChoice {
  readonly purpose: SignInPurpose
  readonly providerIds: readonly string[]
  readonly again: boolean
}

/** The tables of sign-ins that wait for a browser or an app to come back. */
export interface SignInTables {
  /** Visits to providers, by `state`. */
  readonly authorizations: ShortLivedTable<Authorization>
  /** Pages for apps: everybody who has the address sees the page. */
  readonly openChoices: ShortLivedTable<KeptChoice>
  /** Pages of one browser, by the id in the page, bound to the browser's cookie. */
  readonly shownChoices: ShortLivedTable<KeptChoice & { readonly browser: string }>
  /** Unused addresses, by the key for which they were made. */
  readonly begun: ShortLivedTable<{ readonly uri: string; readonly state?: string | undefined }>
  readonly tickets: ShortLivedTable<TicketJourney>
}

/** A page on which people choose a provider. */
export interface Choice {
  readonly purpose: SignInPurpose
  readonly providers: readonly SignInProvider[]
  readonly again: boolean
}

export type Returned =
  /** No such sign-in: it took too long, or is completed already. */
  | { readonly kind: 'ended' }
  /** It was begun in another browser. */
  | { readonly kind: 'otherBrowser' }
  | {
      readonly kind: 'failed'
      readonly why: ProviderFailure['kind']
      readonly purpose: SignInPurpose
      readonly name: string
    }
  | {
      readonly kind: 'proven'
      readonly purpose: SignInPurpose
      readonly provider: SignInProvider
      readonly identity: Identity
      /** Whether this browser showed the purpose before it went to the provider. */
      readonly solicited: boolean
      /** Whether the visitor is an app that got a ticket itself, so that there is no person to ask. */
      readonly unattended?: boolean
    }

export interface SignInParts {
  readonly providers: readonly SignInProvider[]
  readonly tables: SignInTables
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The URL at which browsers reach the pages of this server, without a slash at the end. */
  readonly baseUrl: string
}

/** Paths below the base URL; `api` serves them. */
export const SIGN_IN_PATH = '/_homeroom/sign-in'
export const CALLBACK_PATH = `${SIGN_IN_PATH}/callback`

const TOKEN_LENGTH = 43
const PATIENCE_MS = 2_000
const SLOW_MS = 30_000

/** Sends people to providers and receives them when they return. Knows no accounts: `flows/` uses the identities. */
export class SignIn {
  readonly providers: readonly SignInProvider[]
  readonly #parts: SignInParts
  /** Providers that kept an app waiting, with the time until which they are not asked for apps. */
  readonly #slow = new Map<SignInProvider, number>()
  readonly #tickets: Tickets

  constructor(parts: SignInParts) {
    this.providers = parts.providers
    this.#parts = parts
    this.#tickets = new Tickets({ baseUrl: parts.baseUrl, begun: parts.tables.tickets })
  }

  /**
   * The address for an app that will open a browser: the provider's authorization request URI if there is one provider, else a page of ours
   * on which one is chosen. If the only provider cannot be reached, it is the page too, which tells the person.
   */
  async begin(request: BeginRequest): Promise<string> {
    const { purpose, key, again = false } = request
    const { begun, openChoices } = this.#parts.tables
    const known = await begun.find(key)
    if (known !== undefined && (await this.#isUnused(known.state))) return known.uri
    const providers = this.providers.filter((provider) => request.accepts?.(provider) ?? true)
    const [only, ...more] = providers
    if (only !== undefined && more.length === 0) {
      const direct = await this.#withoutDelay(only, () =>
        this.#authorize({ purpose, providers, again }, only, undefined),
      )
      if (direct !== undefined) {
        await begun.put(direct, { id: key })
        return direct.uri
      }
    }
    const id = await openChoices.put(keptChoice({ purpose, providers, again }))
    const uri = `${this.#parts.baseUrl}${SIGN_IN_PATH}?request=${id}`
    if (more.length > 0) await begun.put({ uri }, { id: key })
    return uri
  }

  /** The choice of an address that `begin` returned. */
  async openChoice(id: string): Promise<Choice | undefined> {
    const kept = await this.#parts.tables.openChoices.find(id)
    return kept === undefined ? undefined : this.#choiceOf(kept)
  }

  /**
   * Prepares a page of providers for a browser. The returned id goes into its links, so that only they lead on: somebody who
   * gets a link of another person's page sees the page's text first.
   */
  show(choice: Choice, cookie: string): Promise<string> {
    const browser = hashOf(cookie)
    return this.#parts.tables.shownChoices.put({ ...keptChoice(choice), browser }, { owner: browser })
  }

  /** The address to which a browser goes that has chosen a provider; undefined if it was not shown the page. Throws `ProviderFailure`. */
  async choose(id: string, providerId: string, cookie: string | undefined): Promise<string | undefined> {
    const kept = await this.#parts.tables.shownChoices.find(id)
    if (kept === undefined || cookie === undefined || hashOf(cookie) !== kept.browser) return undefined
    const choice = this.#choiceOf(kept)
    const provider = choice.providers.find((one) => one.id === providerId)
    return provider === undefined ? undefined : (await this.#authorize(choice, provider, kept.browser)).uri
  }

  /** Sends a browser to a provider without showing a page; `again` as in `BeginRequest`. Throws `ProviderFailure`. */
  async start(purpose: SignInPurpose, provider: SignInProvider, cookie: string, again = false): Promise<string> {
    const choice = { purpose, providers: [provider], again }
    return (await this.#authorize(choice, provider, hashOf(cookie))).uri
  }

  /** Handles the return of a browser with the provider's query. Each `state` is valid once, in the browser that began. */
  async returned(query: URLSearchParams, cookie: string | undefined): Promise<Returned> {
    const state = query.get('state') ?? ''
    const { authorizations } = this.#parts.tables
    const waiting = await authorizations.find(state)
    const provider = this.providers.find(({ id }) => id === waiting?.providerId)
    if (waiting === undefined || provider === undefined || isTicketServer(provider.client)) return { kind: 'ended' }
    const { browser, nonce, pkceVerifier, purpose } = waiting
    // Against login CSRF: somebody could be led into another person's account, or into giving theirs away. The right browser may still come.
    if (browser !== undefined && (cookie === undefined || hashOf(cookie) !== browser)) return { kind: 'otherBrowser' }
    if ((await authorizations.take(state)) === undefined) return { kind: 'ended' }
    try {
      const { subject, claims } = await provider.client.identify(query, { state, nonce, pkceVerifier })
      const identity = identityFrom(provider, subject, claims)
      return { kind: 'proven', purpose, provider, identity, solicited: browser !== undefined }
    } catch (error) {
      return this.#failed(error, purpose, provider)
    }
  }

  /** Handles a visitor with a ticket of the CAS server, at an address that names its purpose. `attended`: the visitor is a browser. */
  async ticketArrived(
    purpose: SignInPurpose,
    ticket: string,
    { cookie, attended }: { readonly cookie: string | undefined; readonly attended: boolean },
  ): Promise<Returned> {
    const provider = this.providers.find(givesTickets)
    if (provider === undefined) return { kind: 'ended' }
    const begun = await this.#tickets.take(purpose, cookie === undefined ? undefined : hashOf(cookie))
    try {
      const service = this.#tickets.serviceOf(purpose)
      const { subject, claims } = await provider.client.identify(ticket, service, begun?.again ?? false)
      const identity = identityFrom(provider, subject, claims)
      return { kind: 'proven', purpose, provider, identity, solicited: begun !== undefined, unattended: !attended }
    } catch (error) {
      return this.#failed(error, purpose, provider)
    }
  }

  /** A value for the cookie of a browser without one. */
  newBrowser(): string {
    return this.#parts.random.token(TOKEN_LENGTH)
  }

  #choiceOf({ purpose, providerIds, again }: KeptChoice): Choice {
    return { purpose, again, providers: this.providers.filter(({ id }) => providerIds.includes(id)) }
  }

  /** Whether an address that was given out is still unused; `state`: that of the address, if it leads to a provider. */
  async #isUnused(state: string | undefined): Promise<boolean> {
    return state === undefined || (await this.#parts.tables.authorizations.find(state)) !== undefined
  }

  /** undefined if the provider does not answer at once, or did not a moment ago: apps that may never use it must not wait for it. */
  async #withoutDelay<Result>(provider: SignInProvider, ask: () => Promise<Result>): Promise<Result | undefined> {
    const { clock } = this.#parts
    const slowUntilMs = this.#slow.get(provider)
    if (slowUntilMs !== undefined && clock.monotonicMs() < slowUntilMs) return undefined
    let cancel = () => {}
    const late = new Promise<undefined>((resolve) => {
      cancel = clock.after(PATIENCE_MS, () => resolve(undefined))
    })
    try {
      const result = await Promise.race([ask().catch(ofProvider), late])
      if (result === undefined) this.#slow.set(provider, clock.monotonicMs() + SLOW_MS)
      return result
    } finally {
      cancel()
    }
  }

  #failed(error: unknown, purpose: SignInPurpose, provider: SignInProvider): Returned {
    if (!isProviderFailure(error)) throw error
    this.#report(error, provider)
    return { kind: 'failed', why: error.kind, purpose, name: provider.name }
  }

  async #authorize({ purpose, again }: Choice, provider: SignInProvider, browser: string | undefined) {
    const { random } = this.#parts
    const { client } = provider
    if (isTicketServer(client)) {
      return { uri: await this.#tickets.send(purpose, client, browser, again), state: undefined }
    }
    const nonce = random.token(TOKEN_LENGTH)
    const pkceVerifier = random.token(TOKEN_LENGTH)
    const state = random.token(TOKEN_LENGTH)
    try {
      const uri = await client.authorizationUri({ state, nonce, pkceVerifier }, again)
      const authorization = { purpose, providerId: provider.id, nonce, pkceVerifier, browser }
      await this.#parts.tables.authorizations.put(authorization, { id: state })
      return { uri, state }
    } catch (error) {
      if (error instanceof ProviderFailure) this.#report(error, provider)
      throw error
    }
  }

  /** Logs the reason of a provider's failure for the operator; the person is told only that it failed. */
  #report(failure: ProviderFailure, { id }: SignInProvider): void {
    if (failure.kind === 'denied') return
    const name = failure.cause instanceof Error ? failure.cause.name : ''
    // Not the whole error, as the library attaches the provider's answers to it.
    const reason = failureWords(failure.cause)
    this.#parts.logger.warn({ provider: id, kind: failure.kind, name, reason }, 'a sign-in failed at its provider')
  }
}

/** undefined for a fault of the provider; throws other errors. */
const ofProvider = (error: unknown): undefined => {
  if (!isProviderFailure(error)) throw error
}

const keptChoice = ({ purpose, providers, again }: Choice): KeptChoice => ({
  purpose,
  again,
  providerIds: providers.map(({ id }) => id),
})

const hashOf = (cookie: string): string => hash('sha256', cookie, 'hex')

/** Whether an error is the fault of a provider; the edge does not know such errors. */
export const isProviderFailure = (error: unknown): error is ProviderFailure => error instanceof ProviderFailure
