import { hash } from 'node:crypto'
import type { CacheStats, Clock, Logger, Random } from '#base'
import { ProviderFailure } from '#net'
import { type Identity, identityFrom } from './identity.ts'
import { OneTimeTable } from './one-time-table.ts'
import { givesTickets, isTicketServer, type ProviderClient, type SignInProvider } from './provider.ts'
import type { SignInPurpose } from './purpose.ts'
import { Tickets } from './tickets.ts'

export interface BeginRequest {
  readonly purpose: SignInPurpose
  /** Asked for again under the same key, an address that was not used yet stays the same. */
  readonly key: string
  /** Which of the providers may serve; undefined: all. */
  accepts?(provider: SignInProvider): boolean
  /** Whether the person shall prove it anew although they are logged in there. */
  readonly again?: boolean
}

/** What is under way in a browser at a provider. */
interface Authorization {
  readonly purpose: SignInPurpose
  readonly provider: SignInProvider
  readonly client: ProviderClient
  readonly nonce: string
  readonly pkceVerifier: string
  /** Hash of the cookie of the browser that began; undefined where an app began, and opened a browser after that. */
  readonly browser: string | undefined
}

/** A page of ours that shows providers to choose from. */
export interface Choice {
  readonly purpose: SignInPurpose
  readonly providers: readonly SignInProvider[]
  readonly again: boolean
}

export type Returned =
  /** No such sign-in: it took too long, or was completed before. */
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
      /** Whether this browser saw what it was about before it went to the provider. */
      readonly solicited: boolean
      /** Whether it is no browser, but an app that got a ticket itself: nobody was led here, and nobody is there to be asked. */
      readonly unattended?: boolean
    }

export interface SignInOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** From the beginning to the return. */
  readonly lifetimeMs: number
  /** Where browsers reach the pages of this server, without a slash at the end. */
  readonly baseUrl: string
}

/** Below the base URL; `api` serves them. */
export const SIGN_IN_PATH = '/_homeroom/sign-in'
export const CALLBACK_PATH = `${SIGN_IN_PATH}/callback`

const TOKEN_LENGTH = 43
const PATIENCE_MS = 2_000
const SLOW_MS = 30_000

/** Sends people to providers and takes them back. Knows no accounts: what an identity is good for is for `flows/`. */
export class SignIn {
  readonly providers: readonly SignInProvider[]
  readonly #options: SignInOptions
  /** By `state`. */
  readonly #authorizations: OneTimeTable<Authorization>
  /** Shown to apps: whoever has the address sees the page. */
  readonly #openChoices: OneTimeTable<Choice>
  /** Shown in one browser: by the id that its page holds, bound to its cookie. */
  readonly #shownChoices: OneTimeTable<Choice & { readonly browser: string }>
  /** Providers that kept an app waiting, and until when they are not asked on its behalf. */
  readonly #slow = new Map<SignInProvider, number>()
  readonly #begun: OneTimeTable<{ readonly uri: string; readonly state: string | undefined }>
  readonly #tickets: Tickets

  constructor(providers: readonly SignInProvider[], options: SignInOptions) {
    this.providers = providers
    this.#options = options
    const table = <Value extends {}>(name: string) => new OneTimeTable<Value>({ ...options, name: `sign-in-${name}` })
    this.#authorizations = table('authorizations')
    this.#openChoices = table('open-choices')
    this.#shownChoices = table('shown-choices')
    this.#begun = table('begun')
    this.#tickets = new Tickets(options.baseUrl, options)
  }

  /**
   * For an app that will open a browser: the provider's authorization request URI where there is one provider, else a page of ours
   * on which one is chosen. Where the one provider cannot be reached, the page too: it tells the person.
   */
  async begin(request: BeginRequest): Promise<string> {
    const { purpose, key, again = false } = request
    const known = this.#begun.find(key)
    if (known !== undefined && (known.state === undefined || this.#authorizations.find(known.state) !== undefined)) {
      return known.uri
    }
    const providers = this.providers.filter((provider) => request.accepts?.(provider) ?? true)
    const [only, ...more] = providers
    if (only !== undefined && more.length === 0) {
      const direct = await this.#withoutDelay(only, () =>
        this.#authorize({ purpose, providers, again }, only, undefined),
      )
      if (direct !== undefined) {
        this.#begun.put(direct, key)
        return direct.uri
      }
    }
    const id = this.#openChoices.put({ purpose, providers, again })
    const uri = `${this.#options.baseUrl}${SIGN_IN_PATH}?request=${id}`
    if (more.length > 0) this.#begun.put({ uri, state: undefined }, key)
    return uri
  }

  /** What the address that `begin` gave is about. */
  openChoice(id: string): Choice | undefined {
    return this.#openChoices.find(id)
  }

  /**
   * A page with providers is about to be shown in a browser. The answer goes into its links, so that only they lead on: somebody who
   * is sent a link of another's page sees the words on the page first.
   */
  show(choice: Choice, cookie: string): string {
    return this.#shownChoices.put({ ...choice, browser: hashOf(cookie) })
  }

  /** The browser chose: where it goes. undefined where it was not shown the page. Throws `ProviderFailure`. */
  async choose(id: string, providerId: string, cookie: string | undefined): Promise<string | undefined> {
    const choice = this.#shownChoices.find(id)
    const provider = choice?.providers.find((one) => one.id === providerId)
    if (choice === undefined || provider === undefined) return undefined
    if (cookie === undefined || hashOf(cookie) !== choice.browser) return undefined
    return (await this.#authorize(choice, provider, choice.browser)).uri
  }

  /** Sends a browser to a provider without a page before. Throws `ProviderFailure`. */
  async start(purpose: SignInPurpose, provider: SignInProvider, cookie: string): Promise<string> {
    const choice = { purpose, providers: [provider], again: false }
    return (await this.#authorize(choice, provider, hashOf(cookie))).uri
  }

  /** A browser came back, with the provider's query. Each `state` is good once, in the browser that began. */
  async returned(query: URLSearchParams, cookie: string | undefined): Promise<Returned> {
    const state = query.get('state') ?? ''
    const waiting = this.#authorizations.find(state)
    if (waiting === undefined) return { kind: 'ended' }
    const { browser, client, nonce, pkceVerifier, provider, purpose } = waiting
    // Else somebody could be led into another's account, or into giving theirs away: login CSRF. Its own browser may still come.
    if (browser !== undefined && (cookie === undefined || hashOf(cookie) !== browser)) return { kind: 'otherBrowser' }
    this.#authorizations.take(state)
    try {
      const { subject, claims } = await client.identify(query, { state, nonce, pkceVerifier })
      const identity = identityFrom(provider, subject, claims)
      return { kind: 'proven', purpose, provider, identity, solicited: browser !== undefined }
    } catch (error) {
      return this.#failed(error, purpose, provider)
    }
  }

  /** Somebody came with a ticket of the CAS server, to an address that says what it is for. `attended`: by a browser. */
  async ticketArrived(
    purpose: SignInPurpose,
    ticket: string,
    { cookie, attended }: { readonly cookie: string | undefined; readonly attended: boolean },
  ): Promise<Returned> {
    const provider = this.providers.find(givesTickets)
    if (provider === undefined) return { kind: 'ended' }
    const begun = this.#tickets.take(purpose, cookie === undefined ? undefined : hashOf(cookie))
    try {
      const service = this.#tickets.serviceOf(purpose)
      const { subject, claims } = await provider.client.identify(ticket, service, begun?.again ?? false)
      const identity = identityFrom(provider, subject, claims)
      return { kind: 'proven', purpose, provider, identity, solicited: begun !== undefined, unattended: !attended }
    } catch (error) {
      return this.#failed(error, purpose, provider)
    }
  }

  /** For the cookie of a browser that has none. */
  newBrowser(): string {
    return this.#options.random.token(TOKEN_LENGTH)
  }

  stats(): readonly CacheStats[] {
    const tables = [this.#authorizations, this.#openChoices, this.#shownChoices, this.#begun, this.#tickets]
    return tables.map((table) => table.stats())
  }

  /** undefined where the provider does not answer at once, or did not just before: an app that never asks it shall not wait for it. */
  async #withoutDelay<Result>(provider: SignInProvider, ask: () => Promise<Result>): Promise<Result | undefined> {
    const { clock } = this.#options
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
    const { random } = this.#options
    const { client } = provider
    if (isTicketServer(client)) {
      return { uri: this.#tickets.send(purpose, client, browser, again), state: undefined }
    }
    const nonce = random.token(TOKEN_LENGTH)
    const pkceVerifier = random.token(TOKEN_LENGTH)
    const state = random.token(TOKEN_LENGTH)
    try {
      const uri = await client.authorizationUri({ state, nonce, pkceVerifier }, again)
      this.#authorizations.put({ purpose, provider, client, nonce, pkceVerifier, browser }, state)
      return { uri, state }
    } catch (error) {
      if (error instanceof ProviderFailure) this.#report(error, provider)
      throw error
    }
  }

  /** Why a provider fails is for the operator: the person is told only that it does. */
  #report(failure: ProviderFailure, { id }: SignInProvider): void {
    if (failure.kind === 'denied') return
    const { name, message } =
      failure.cause instanceof Error ? failure.cause : { name: '', message: String(failure.cause) }
    // Not the whole error: the library hangs answers of the provider on it.
    this.#options.logger.warn({ provider: id, kind: failure.kind, name, message }, 'a sign-in failed at its provider')
  }
}

/** undefined for what is the provider's fault; throws the rest. */
const ofProvider = (error: unknown): undefined => {
  if (!isProviderFailure(error)) throw error
}

const hashOf = (cookie: string): string => hash('sha256', cookie, 'hex')

/** Whether somebody's provider is the reason: the edge does not know its errors. */
export const isProviderFailure = (error: unknown): error is ProviderFailure => error instanceof ProviderFailure
