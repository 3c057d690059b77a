import { Type } from 'typebox'
import { parseRedirectUrl } from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, none, v3 } from '#http'
import { BAD_REDIRECT, choicePage, html, NO_PROVIDERS, noticePage } from '#pages'
import { BrowserCookie } from './browser-cookie.ts'
import { type CookieRequest, redirect, refusedByEdge, type SignInDeps, toProvider } from './sign-in.ts'

const Query = Type.Object({
  redirectUrl: Type.Optional(Type.String()),
  // The wish does not matter at a provider: a sign-in finds the same account, or none, either way.
  action: Type.Optional(Type.String({ maxLength: 255 })),
})

/** Sends a browser that wants to log in to a provider. */
export const toProviderOf = ({ signIn, baseUrl }: Pick<SignInDeps, 'signIn' | 'baseUrl'>) => {
  const cookies = new BrowserCookie(signIn, baseUrl)
  return async (
    providerId: string | undefined,
    redirectUrl: string | undefined,
    request: CookieRequest,
  ): Promise<CustomReply> => {
    const provider = signIn.providers.find(({ id }) => id === providerId)
    const target = redirectUrl === undefined ? undefined : parseRedirectUrl(redirectUrl)
    if (provider === undefined) return noticePage(NO_PROVIDERS)
    if (target === undefined) return noticePage(BAD_REDIRECT)
    return toProvider(signIn, provider.id, async () => {
      const { cookie, headers } = cookies.give(request)
      const asked = redirectUrl ?? target
      return redirect(await signIn.start({ kind: 'login', redirectUrl: target, asked }, provider, cookie), headers)
    })
  }
}

/** `sso_login_redirect.yaml`. `toPages`: where people sign in however they can; undefined: at a provider alone. */
export const ssoLoginRedirectEndpoints = (
  deps: SignInDeps,
  toPages: ((redirectUrl: string | undefined, action: string | undefined) => CustomReply) | undefined,
): readonly AnyEndpoint[] => {
  const { signIn, baseUrl, serverName } = deps
  const send = toProviderOf(deps)
  return [
    endpoint({
      method: 'GET',
      acts: true,
      paths: v3('/login/sso/redirect'),
      auth: none(),
      rateLimit: 'login',
      query: Query,
      errorPage: refusedByEdge,
      handler: async (request) => {
        const { redirectUrl, action } = request.query
        const [only, ...more] = signIn.providers
        // A client that says what the person wants knows that the pages offer all ways; others came to the one provider, and still do.
        if (toPages !== undefined && (action !== undefined || signIn.providers.length !== 1))
          return toPages(redirectUrl, action)
        if (only === undefined || more.length === 0) return send(only?.id, redirectUrl, request)
        if (redirectUrl === undefined || parseRedirectUrl(redirectUrl) === undefined) return noticePage(BAD_REDIRECT)
        return choicePage({
          title: action === 'register' ? 'Create an account' : 'Sign in',
          lead: html`To go on to your account on ${serverName}, choose who tells us that it is you.`,
          warning: undefined,
          providers: signIn.providers.map(({ id, name }) => ({
            name,
            href: `${baseUrl}/_matrix/client/v3/login/sso/redirect/${encodeURIComponent(id)}?${new URLSearchParams({ redirectUrl }).toString()}`,
          })),
          headers: {},
        })
      },
    }),
    endpoint({
      method: 'GET',
      acts: true,
      paths: v3('/login/sso/redirect/:idpId'),
      auth: none(),
      rateLimit: 'login',
      params: Type.Object({ idpId: Type.String() }),
      query: Query,
      errorPage: refusedByEdge,
      handler: async (request) => send(request.params.idpId, request.query.redirectUrl, request),
    }),
  ]
}
