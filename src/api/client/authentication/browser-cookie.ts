import type { SignIn } from '#domain'

interface Request {
  cookie(name: string): string | undefined
}

const SHAPE = /^[A-Za-z0-9]{43}$/
const LIFETIME_S = 86_400

/**
 * The cookie proves that the browser that comes back from a provider is the one that was sent there. Without it an attacker could begin a
 * sign-in and have another person's browser finish it: that person would use the attacker's account without knowing it, or would consent to
 * the attacker's session (RFC 6749, section 10.12). `Lax`, as the way back is a link of another site. Scripts cannot read it; on HTTPS its
 * prefix keeps other hosts of the same domain from setting it.
 */
export class BrowserCookie {
  readonly #signIn: Pick<SignIn, 'newBrowser'>
  readonly #secure: boolean

  constructor(signIn: Pick<SignIn, 'newBrowser'>, baseUrl: string) {
    this.#signIn = signIn
    this.#secure = baseUrl.startsWith('https:')
  }

  get #name(): string {
    return this.#secure ? '__Host-homeroom_sign_in' : 'homeroom_sign_in'
  }

  of(request: Request): string | undefined {
    const value = request.cookie(this.#name)
    return value !== undefined && SHAPE.test(value) ? value : undefined
  }

  /** Returns the browser's cookie or a new one, with the header that sets it. */
  give(request: Request): { readonly cookie: string; readonly headers: Readonly<Record<string, string>> } {
    const cookie = this.of(request) ?? this.#signIn.newBrowser()
    const attributes = `Path=/; Max-Age=${LIFETIME_S}; HttpOnly; SameSite=Lax${this.#secure ? '; Secure' : ''}`
    return { cookie, headers: { 'Set-Cookie': `${this.#name}=${cookie}; ${attributes}` } }
  }
}
