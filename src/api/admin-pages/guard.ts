import { Type } from 'typebox'
import { checkCsrf } from '#domain'
import { type Answer, type AnyEndpoint, type AnyRequest, endpoint, none } from '#http'
import { ACCOUNT_SIGN_IN_PAGE, loadAdminPages, noticePage } from '#pages'
import { MatrixError } from '#spec'
import { assertOwnForm, type BrowserRequest, sessionOf } from '../account/index.ts'
import { type PageHandler, seeOther, type Visit, type VisitDeps } from './visit.ts'

/** A page or a deed, and where it stands. */
export interface AdminRoute<Deps> {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly section: string
  /** A deed that weighs so much that whoever does it has proved lately who they are; its page is asked for the same. */
  readonly weighty?: boolean
  /** The end of the path that the page with its form lacks, for a deed without a page of its own. */
  readonly formAbove?: string
  readonly costly?: true
  /** Loads the code of the page, when somebody first asks for it. */
  load(): Promise<PageHandler<Deps>>
}

/** A proof of who somebody is counts as recent for so long. */
export const RECENT_MS = 10 * 60_000

const Query = Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 1_024 }))
const Params = Type.Record(Type.String(), Type.String({ maxLength: 1_024 }))

interface Asked {
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly fields: ReadonlyMap<string, string>
}

const addressOf = ({ path, query }: Asked): string => {
  const { done: _done, ...rest } = query
  const text = new URLSearchParams(rest).toString()
  return text === '' ? path : `${path}?${text}`
}

const formOf = ({ formAbove }: Pick<AdminRoute<never>, 'formAbove'>, asked: Asked): string =>
  formAbove === undefined ? addressOf(asked) : asked.path.slice(0, -formAbove.length)

/** A refusal by the edge, before anybody was asked who they are. */
const refusedByEdge = ({ status, message }: MatrixError) =>
  noticePage({ status, title: 'This cannot be done', text: `${message}.` })

/** The endpoint of a page: for administrators who are signed in at this browser, and nobody else. */
export const adminEndpoint = <Deps>(route: AdminRoute<Deps>, deps: Deps & VisitDeps): AnyEndpoint => {
  const { method, path, costly } = route
  const declared = {
    paths: [path] as const,
    auth: none(),
    rateLimit: 'other',
    params: Params,
    query: Query,
    errorPage: refusedByEdge,
    ...(costly === undefined ? {} : { costly }),
  } as const
  const answer = async (asked: Asked, request: BrowserRequest): Promise<Answer> => {
    const session = await sessionOf(deps.sessions, request)
    if (session === undefined)
      return seeOther(
        `${ACCOUNT_SIGN_IN_PAGE}?next=${encodeURIComponent(method === 'GET' ? addressOf(asked) : route.section)}`,
      )
    if (!session.admin) return notForYou()
    if (method === 'POST') checkCsrf(session, asked.fields)
    const nowMs = deps.clock.nowMs()
    if (route.weighty === true && nowMs - session.authenticatedAtMs > RECENT_MS)
      return seeOther(`${ACCOUNT_SIGN_IN_PAGE}?again=1&next=${encodeURIComponent(formOf(route, asked))}`)
    const { section } = route
    return handled(route, { ...asked, session, section, serverName: deps.serverName, nowMs }, deps)
  }
  if (method === 'GET') {
    const handler: AnyEndpoint['handler'] = (request) => answer({ ...askedOf(request), fields: NO_FIELDS }, request)
    return endpoint({ ...declared, method, handler })
  }
  return endpoint({
    ...declared,
    method,
    body: 'form',
    handler: async (request) => {
      assertOwnForm(request)
      return answer({ ...askedOf(request), fields: request.body }, request)
    },
  })
}

const NO_FIELDS: ReadonlyMap<string, string> = new Map()

const askedOf = ({ path, params, query }: Pick<AnyRequest, 'path' | 'params' | 'query'>) => ({
  path,
  params: params as Readonly<Record<string, string>>,
  query: query as Readonly<Record<string, string>>,
})

/** Says nothing of what there is. */
const notForYou = () =>
  noticePage({
    status: 403,
    title: 'Not for this account',
    text: 'The administration of this server is for its administrators. Your account is none.',
  })

/** A refusal with words for people is a page of the administration too. */
const handled = async <Deps>(route: AdminRoute<Deps>, visit: Visit, deps: Deps): Promise<Answer> => {
  try {
    const handler = await route.load()
    return await handler(visit, deps)
  } catch (error) {
    if (!(error instanceof MatrixError) || error.status >= 500) throw error
    const { refusedPage, frameOf } = await loadAdminPages()
    return refusedPage(frameOf(visit), error.status, error.message)
  }
}
