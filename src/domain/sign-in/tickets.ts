import type { ShortLivedTable } from '#store'
import type { TicketServer } from './provider.ts'
import type { SignInPurpose } from './purpose.ts'

/** r0.4.0, "CAS-based client login", below `/_matrix/client/v3` and `r0`; `api` serves it. */
export const TICKET_PATH = '/login/cas/ticket'

/** A browser on its way to the CAS server. */
export interface TicketJourney {
  readonly again: boolean
}

export interface TicketsParts {
  readonly baseUrl: string
  readonly begun: ShortLivedTable<TicketJourney>
}

/**
 * The way to a CAS server and back. It ends at an address that contains its purpose but no `state` ("including the
 * redirectUrl query parameter", and nothing else): anybody can make such an address and have a browser go there with a ticket. So this remembers,
 * by the browser's cookie, whether this server sent the browser; a person whom it did not send is asked first.
 */
export class Tickets {
  readonly #parts: TicketsParts

  constructor(parts: TicketsParts) {
    this.#parts = parts
  }

  /** Returns the address to which the browser goes; `browser`: the hash of its cookie. */
  async send(
    purpose: SignInPurpose,
    server: TicketServer,
    browser: string | undefined,
    again: boolean,
  ): Promise<string> {
    const service = this.serviceOf(purpose)
    if (browser !== undefined) await this.#parts.begun.put({ again }, { id: `${browser} ${service}`, owner: browser })
    return server.loginUri(service, again)
  }

  /** Whether this server sent that browser there for that purpose. True once. */
  async take(purpose: SignInPurpose, browser: string | undefined): Promise<TicketJourney | undefined> {
    return browser === undefined ? undefined : this.#parts.begun.take(`${browser} ${this.serviceOf(purpose)}`)
  }

  /** The service URL, by which the CAS server knows this server. It has to be exactly the same at login and with the ticket. */
  serviceOf(purpose: SignInPurpose): string {
    return `${this.#parts.baseUrl}/_matrix/client/r0${TICKET_PATH}?${queryOf(purpose)}`
  }
}

const queryOf = (purpose: SignInPurpose): string => {
  switch (purpose.kind) {
    case 'login':
      return `redirectUrl=${encodeURIComponent(purpose.asked ?? purpose.redirectUrl)}`
    case 'browser': {
      const link = purpose.link === undefined ? '' : `&link=${encodeURIComponent(purpose.link)}`
      return `next=${encodeURIComponent(purpose.next)}${link}`
    }
    case 'stage':
      return `session=${encodeURIComponent(purpose.session)}`
  }
}
