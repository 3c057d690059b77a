import { hash } from 'node:crypto'
import type { CacheStats } from '#base'
import { OneTimeTable, type OneTimeTableOptions } from './one-time-table.ts'
import type { TicketServer } from './provider.ts'
import type { SignInPurpose } from './purpose.ts'

/** r0.4.0, "CAS-based client login", below `/_matrix/client/v3` and `r0`; `api` serves it. */
export const TICKET_PATH = '/login/cas/ticket'

/**
 * The way to a CAS server and back. It ends at an address that says by itself what it is for, and bears no `state` ("including the
 * redirectUrl query parameter", and nothing else): anybody can make one, and have a browser go there with a ticket. So what is remembered here,
 * by the browser's cookie, is whether that browser was sent by us; who was not is asked before anything comes of it.
 */
export class Tickets {
  readonly #baseUrl: string
  readonly #begun: OneTimeTable<{ readonly again: boolean }>

  constructor(baseUrl: string, options: Omit<OneTimeTableOptions, 'name'>) {
    this.#baseUrl = baseUrl
    this.#begun = new OneTimeTable({ ...options, name: 'sign-in-tickets' })
  }

  /** Where the browser goes; `browser`: the hash of its cookie. */
  send(purpose: SignInPurpose, server: TicketServer, browser: string | undefined, again: boolean): string {
    const service = this.serviceOf(purpose)
    if (browser !== undefined) this.#begun.put({ again }, keyOf(browser, service))
    return server.loginUri(service, again)
  }

  /** Whether that browser was sent there for that, once. */
  take(purpose: SignInPurpose, browser: string | undefined): { readonly again: boolean } | undefined {
    return browser === undefined ? undefined : this.#begun.take(keyOf(browser, this.serviceOf(purpose)))
  }

  /** What the CAS server knows this server by, and sends the browser to: the same at login and with the ticket, to the letter. */
  serviceOf(purpose: SignInPurpose): string {
    const what =
      purpose.kind === 'login'
        ? `redirectUrl=${encodeURIComponent(purpose.asked ?? purpose.redirectUrl)}`
        : `session=${encodeURIComponent(purpose.session)}`
    return `${this.#baseUrl}/_matrix/client/r0${TICKET_PATH}?${what}`
  }

  stats(): CacheStats {
    return this.#begun.stats()
  }
}

const keyOf = (browser: string, service: string): string => hash('sha256', `${browser} ${service}`, 'hex')
