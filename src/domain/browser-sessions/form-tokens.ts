import { hash, timingSafeEqual } from 'node:crypto'
import type { Random } from '#base'
import { MatrixError } from '#spec'
import type { BrowserSession } from './browser-sessions.ts'

/** The hidden field of forms that says that a page of ours sent them. */
export const CSRF_FIELD = 'csrf'

type Fields = ReadonlyMap<string, string>

/** Throws `M_FORBIDDEN` unless the form came from a page that this session was shown. */
export const checkCsrf = (session: Pick<BrowserSession, 'csrf'>, fields: Fields): void => {
  assertSame(session.csrf, fields.get(CSRF_FIELD))
}

const SECRET_LENGTH = 43
const SECRET = /^[A-Za-z0-9]{43}$/
const LIFETIME_S = 86_400

/**
 * Proves of forms of people who are not signed in yet that a page of ours sent them: else another site could sign a browser in to an account of its own.
 * The cookie is random, the field is its hash, and nothing is stored here.
 */
export class FormTokens {
  readonly #random: Random
  readonly #secure: boolean

  constructor({ random, secure }: { readonly random: Random; readonly secure: boolean }) {
    this.#random = random
    this.#secure = secure
  }

  get cookieName(): string {
    return this.#secure ? '__Host-homeroom_visit' : 'homeroom_visit'
  }

  /** The field's value for a browser with that cookie, or with a new one. */
  give(cookie: string | undefined): { readonly csrf: string; readonly setCookie: string } {
    const secret = cookie !== undefined && SECRET.test(cookie) ? cookie : this.#random.token(SECRET_LENGTH)
    const attributes = `Path=/; Max-Age=${LIFETIME_S}; HttpOnly; SameSite=Lax${this.#secure ? '; Secure' : ''}`
    return { csrf: fieldOf(secret), setCookie: `${this.cookieName}=${secret}; ${attributes}` }
  }

  /** Throws `M_FORBIDDEN`. */
  check(cookie: string | undefined, fields: Fields): void {
    assertSame(cookie !== undefined && SECRET.test(cookie) ? fieldOf(cookie) : undefined, fields.get(CSRF_FIELD))
  }
}

const fieldOf = (secret: string): string => hash('sha256', `form ${secret}`, 'hex')

const assertSame = (expected: string | undefined, given: string | undefined): void => {
  const [one, other] = [Buffer.from(expected ?? ''), Buffer.from(given ?? '')]
  if (expected !== undefined && one.length === other.length && timingSafeEqual(one, other)) return
  throw new MatrixError('M_FORBIDDEN', 'The form is too old, or this browser keeps no cookies: load the page again')
}
