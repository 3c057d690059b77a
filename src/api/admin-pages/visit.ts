import type { Clock } from '#base'
import type { AdminActor, BrowserSession, BrowserSessions } from '#domain'
import { type Answer, CustomReply, type FormFields } from '#http'

/** Needs of every page, besides the data that it shows. */
export interface VisitDeps {
  readonly sessions: BrowserSessions
  readonly serverName: string
  readonly clock: Pick<Clock, 'nowMs'>
}

/** A request of an administrator for a page. */
export interface Visit {
  readonly session: BrowserSession
  /** The path as asked for. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly fields: FormFields
  readonly section: string
  readonly serverName: string
  readonly nowMs: number
}

/** Shows or does something. Throws `MatrixError` with words for the administrator. */
export type PageHandler<Deps> = (visit: Visit, deps: Deps) => Promise<Answer>

/** The administrator as the audit log names them. */
export const actorOf = ({ session }: Visit): AdminActor => ({
  by: session.userId,
  via: 'page',
})

/** Leads on after a form: to load the page again posts nothing twice. `done`: what the next page says was done. */
export const seeOther = (path: string, done?: string, headers: Readonly<Record<string, string>> = {}): CustomReply => {
  const mark = done === undefined ? '' : `${path.includes('?') ? '&' : '?'}done=${done}`
  return new CustomReply({
    status: 303,
    headers: { 'Cache-Control': 'no-store', ...headers, Location: `${path}${mark}` },
    body: '',
  })
}

/** A path of these pages with a member of it that may hold anything. */
export const at = (section: string, ...members: readonly string[]): string =>
  [section, ...members.map((member) => encodeURIComponent(member))].join('/')
