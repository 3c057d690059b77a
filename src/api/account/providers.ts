import { Type } from 'typebox'
import type { BrowserSession, LinkIdentities, SignIn } from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, none } from '#http'
import {
  ACCOUNT_LINK_PAGE,
  ACCOUNT_PAGE,
  ACCOUNT_PROVIDERS_PAGE,
  ACCOUNT_SIGN_IN_WITH,
  accountRefusedPage,
  goOnByItself,
  linkPage,
  NO_PROVIDERS,
  noticePage,
  providersPage,
  type Refusal,
} from '#pages'
import { MatrixError } from '#spec'
import { BrowserCookie } from '../client/authentication/browser-cookie.ts'
import { redirect, toProvider } from '../client/authentication/sign-in.ts'
import { type BrowserRequest, seeOther } from './browser-gate.ts'
import { localPath } from './local-path.ts'
import { type OwnPages, orRefused } from './own-pages.ts'

export interface AccountProvidersDeps {
  readonly signIn: SignIn
  readonly linkIdentities: LinkIdentities
  /** The base URL of this server's pages; empty where there are no providers. */
  readonly baseUrl: string
}

const DONE: ReadonlyMap<string, string> = new Map([
  ['linked', 'It opens your account now.'],
  ['unlinked', 'It opens your account no longer.'],
])

type ShowProviders = (
  session: BrowserSession,
  more?: { readonly refusal?: Refusal; readonly done?: string | undefined },
) => Promise<CustomReply>

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

const Params = Type.Object({ providerId: Type.String() })
const RECENT = { recent: true } as const

interface Journey {
  readonly next: string
  readonly again: boolean
  /** The browser session that adds the identity to its account. */
  readonly link?: string
}

/** Sends a browser to a provider; it comes back to `next` signed in, or to the page that asks whether to link the identity. */
const senderTo = ({ signIn, baseUrl }: AccountProvidersDeps) => {
  const cookies = new BrowserCookie(signIn, baseUrl)
  return (providerId: string, request: BrowserRequest, { next, again, link }: Journey): Promise<CustomReply> => {
    const provider = signIn.providers.find(({ id }) => id === providerId)
    if (provider === undefined) return Promise.resolve(noticePage(NO_PROVIDERS))
    return toProvider(signIn, provider.id, async () => {
      const { cookie, headers } = cookies.give(request)
      const uri = await signIn.start({ kind: 'browser', next, link }, provider, cookie, again)
      // A form may not be redirected to another site, a page may.
      return link === undefined ? redirect(uri, headers) : goOnByItself(`To ${provider.name}`, uri, headers)
    })
  }
}

/** Signing in at a provider, for the pages of this server; and the identities that open an account. */
export const accountProvidersEndpoints = (deps: AccountProvidersDeps, ownPages: OwnPages): readonly AnyEndpoint[] => {
  const { linkIdentities } = deps
  const send = senderTo(deps)
  const show: ShowProviders = async ({ csrf, userId }, more = {}) =>
    providersPage({ csrf, providers: await linkIdentities.providersOf(userId), ...more })
  return [
    endpoint({
      method: 'GET',
      acts: true,
      paths: [`${ACCOUNT_SIGN_IN_WITH}/:providerId`],
      auth: none(),
      rateLimit: 'login',
      params: Params,
      query: Type.Object({ next: Type.Optional(Type.String()), again: Type.Optional(Type.String({ maxLength: 10 })) }),
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const { next, again } = request.query
        const journey = { next: localPath(next) ?? ACCOUNT_PAGE, again: again !== undefined }
        return send(request.params.providerId, request, journey)
      },
    }),
    ownPages.page(
      ACCOUNT_PROVIDERS_PAGE,
      ({ session, query }) => show(session, { done: DONE.get(query.done ?? '') }),
      RECENT,
    ),
    ownPages.form(
      `${ACCOUNT_PROVIDERS_PAGE}/begin`,
      ACCOUNT_PROVIDERS_PAGE,
      (request) =>
        send(request.fields.get('provider') ?? '', request, {
          next: ACCOUNT_PROVIDERS_PAGE,
          again: false,
          link: request.session.id,
        }),
      RECENT,
    ),
    ownPages.form(
      `${ACCOUNT_PROVIDERS_PAGE}/unlink`,
      ACCOUNT_PROVIDERS_PAGE,
      ({ session, fields }) =>
        orRefused(
          async () => {
            await linkIdentities.unlink(session.userId, fields.get('provider') ?? '')
            return seeOther(`${ACCOUNT_PROVIDERS_PAGE}?done=unlinked`)
          },
          (refusal) => show(session, { refusal }),
        ),
      RECENT,
    ),
    ...linkEndpoints(deps, ownPages, show),
  ]
}

/** The question whether an identity is to open the account, and its answer. */
const linkEndpoints = (
  { linkIdentities }: AccountProvidersDeps,
  ownPages: OwnPages,
  show: ShowProviders,
): readonly AnyEndpoint[] => [
  ownPages.page(
    ACCOUNT_LINK_PAGE,
    async ({ session, query: { id = '' } }) => {
      const identity = await linkIdentities.pending(id, session.id)
      if (identity === undefined) throw new MatrixError('M_FORBIDDEN', 'This took too long; begin again')
      const { providerName: provider, displayName, verifiedEmail, subject } = identity
      const person = displayName ?? verifiedEmail ?? subject
      return linkPage({ csrf: session.csrf, id, userId: session.userId, provider, person })
    },
    RECENT,
  ),
  ownPages.form(
    ACCOUNT_LINK_PAGE,
    ACCOUNT_PROVIDERS_PAGE,
    ({ session, fields }) =>
      orRefused(
        async () => {
          await linkIdentities.link(fields.get('id') ?? '', session.id, session.userId)
          return seeOther(`${ACCOUNT_PROVIDERS_PAGE}?done=linked`)
        },
        (refusal) => show(session, { refusal }),
      ),
    RECENT,
  ),
]
