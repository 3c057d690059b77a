import { type BrowserSession, type BrowserSessions, checkCsrf } from '#domain'
import { CustomReply, type FormFields } from '#http'
import { ACCOUNT_SIGN_IN_PAGE } from '#pages'
import { MatrixError } from '#spec'

export interface BrowserRequest {
  cookie(name: string): string | undefined
  header(name: string): string | undefined
  readonly ip: string
}

/** Sends a browser on, also after a form: it asks for the new address by `GET`. */
export const seeOther = (path: string, headers: Readonly<Record<string, string>> = {}): CustomReply =>
  new CustomReply({
    status: 303,
    headers: { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer', ...headers, Location: path },
    body: '',
  })

/** Throws `M_FORBIDDEN` for a form that a page of another site sent, as far as the browser says so. */
export const assertOwnForm = (request: BrowserRequest): void => {
  const site = request.header('sec-fetch-site')
  if (site === undefined || site === 'same-origin' || site === 'none') return
  throw new MatrixError('M_FORBIDDEN', 'This form was sent by another site')
}

/** A proof of who an administrator is counts for so long, where an app would get their power. */
const PROOF_MS = 10 * 60_000

/** The session behind a request for a page, which is noted as seen where the request comes from. undefined: nobody is signed in. */
export const sessionOf = (sessions: BrowserSessions, request: BrowserRequest): Promise<BrowserSession | undefined> =>
  sessions.of(request.cookie(sessions.cookieName), { ip: request.ip, userAgent: request.header('user-agent') })

/** The session behind a request for a page, and the way to sign in where there is none. */
export class BrowserGate {
  readonly #sessions: BrowserSessions

  constructor(sessions: BrowserSessions) {
    this.#sessions = sessions
  }

  of(request: BrowserRequest): Promise<BrowserSession | undefined> {
    return sessionOf(this.#sessions, request)
  }

  /** Sends a browser to sign in; it comes back to `next`, a path of this server. `again`: also if somebody is signed in. */
  toSignIn(next: string, again = false): CustomReply {
    const query = new URLSearchParams({ next, ...(again ? { again: '1' } : {}) })
    return seeOther(`${ACCOUNT_SIGN_IN_PAGE}?${query.toString()}`)
  }

  /** Whether the proof of who somebody is is too old for a session that administers the server. */
  isTooOld(session: BrowserSession): boolean {
    return session.admin && !this.#sessions.isRecent(session, PROOF_MS)
  }

  /** The session that sent a form; undefined: nobody is signed in (any more). Throws `M_FORBIDDEN` for forms of other sites. */
  async ofForm(request: BrowserRequest & { readonly body: FormFields }): Promise<BrowserSession | undefined> {
    assertOwnForm(request)
    const session = await this.of(request)
    if (session !== undefined) checkCsrf(session, request.body)
    return session
  }
}
