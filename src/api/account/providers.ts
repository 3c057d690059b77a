import { Type } from 'typebox'
import type { LinkIdentities, SignIn } from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, none } from '#http'
import {
  ACCOUNT_LINK_PAGE,
  ACCOUNT_PAGE,
  ACCOUNT_SIGN_IN_WITH,
  accountRefusedPage,
  linkPage,
  NO_PROVIDERS,
  noticePage,
} from '#pages'
import { MatrixError } from '#spec'
import { BrowserCookie } from '../client/authentication/browser-cookie.ts'
import { redirect, toProvider } from '../client/authentication/sign-in.ts'
import { type BrowserGate, type BrowserRequest, seeOther } from './browser-gate.ts'
import { localPath } from './local-path.ts'

export interface AccountProvidersDeps {
  readonly gate: BrowserGate
  readonly signIn: SignIn
  readonly linkIdentities: LinkIdentities
  /** The base URL of this server's pages; empty where there are no providers. */
  readonly baseUrl: string
}

/** Links to the providers, for a page to sign in on. */
export const providerLinks = (
  { providers }: Pick<SignIn, 'providers'>,
  { next, again }: { readonly next: string | undefined; readonly again: boolean },
): readonly { readonly name: string; readonly href: string }[] => {
  const query = new URLSearchParams({ ...(next === undefined ? {} : { next }), ...(again ? { again: '1' } : {}) })
  const suffix = query.size === 0 ? '' : `?${query.toString()}`
  return providers.map(({ id, name }) => ({
    name,
    href: `${ACCOUNT_SIGN_IN_WITH}/${encodeURIComponent(id)}${suffix}`,
  }))
}

const PATH = `${ACCOUNT_SIGN_IN_WITH}/:providerId`
const Params = Type.Object({ providerId: Type.String() })

/** Sends a browser to a provider; it comes back to `next` signed in, or to the page that asks whether to link the identity. */
const sender = ({ signIn, baseUrl }: AccountProvidersDeps) => {
  const cookies = new BrowserCookie(signIn, baseUrl)
  return (
    providerId: string,
    request: BrowserRequest,
    { next, again, link }: { readonly next: string; readonly again: boolean; readonly link?: string },
  ): Promise<CustomReply> => {
    const provider = signIn.providers.find(({ id }) => id === providerId)
    if (provider === undefined) return Promise.resolve(noticePage(NO_PROVIDERS))
    return toProvider(signIn, provider.id, async () => {
      const { cookie, headers } = cookies.give(request)
      return redirect(await signIn.start({ kind: 'browser', next, link }, provider, cookie, again), headers)
    })
  }
}

/** Signing in at a provider, for the pages of this server. */
export const accountProvidersEndpoints = (deps: AccountProvidersDeps): readonly AnyEndpoint[] => {
  const { gate, linkIdentities } = deps
  const send = sender(deps)
  return [
    endpoint({
      method: 'GET',
      acts: true,
      paths: [PATH],
      auth: none(),
      rateLimit: 'login',
      params: Params,
      query: Type.Object({ next: Type.Optional(Type.String()), again: Type.Optional(Type.String({ maxLength: 10 })) }),
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const { next, again } = request.query
        return send(request.params.providerId, request, {
          next: localPath(next) ?? ACCOUNT_PAGE,
          again: again !== undefined,
        })
      },
    }),
    endpoint({
      method: 'GET',
      paths: [ACCOUNT_LINK_PAGE],
      auth: none(),
      rateLimit: 'other',
      query: Type.Object({ id: Type.String({ maxLength: 64 }) }),
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const { id } = request.query
        const session = await gate.of(request)
        if (session === undefined) return gate.toSignIn(ACCOUNT_PAGE)
        const identity = await linkIdentities.pending(id, session.id)
        if (identity === undefined) throw new MatrixError('M_FORBIDDEN', 'This took too long; begin again')
        const { providerName: provider, displayName, verifiedEmail, subject } = identity
        const person = displayName ?? verifiedEmail ?? subject
        return linkPage({ csrf: session.csrf, id, userId: session.userId, provider, person })
      },
    }),
    endpoint({
      method: 'POST',
      paths: [ACCOUNT_LINK_PAGE],
      auth: none(),
      rateLimit: 'other',
      body: 'form',
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const session = await gate.ofForm(request)
        if (session === undefined) return gate.toSignIn(ACCOUNT_PAGE)
        await linkIdentities.link(request.body.get('id') ?? '', session.id, session.userId)
        return seeOther(ACCOUNT_PAGE)
      },
    }),
  ]
}

export { sender as providerSender }
