import type { BrowserSessions, Profiles, SignIn } from '#domain'
import type { AnyEndpoint } from '#http'
import {
  ACCOUNT_CLOSE_PAGE,
  ACCOUNT_DEVICES_PAGE,
  ACCOUNT_PAGE,
  ACCOUNT_PROFILE_PAGE,
  ACCOUNT_RESET_PAGE,
  ACCOUNT_SIGN_IN_PAGE,
  ACCOUNT_SIGN_OUT_PAGE,
  accountHomePage,
} from '#pages'
import { seeOther } from './browser-gate.ts'
import type { OwnPages, OwnQuery } from './own-pages.ts'

export interface AccountHomeDeps {
  readonly sessions: BrowserSessions
  readonly profiles: Pick<Profiles, 'memberFields'>
  /** Whether apps sign in by OAuth here. */
  readonly hasApps: boolean
  readonly signIn: Pick<SignIn, 'providers'>
  /** undefined: this server sends no mail. */
  readonly ownMail: object | undefined
}

/** "Account management URL actions", and their names while they were a proposal. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ['org.matrix.profile', ACCOUNT_PROFILE_PAGE],
  ['org.matrix.devices_list', ACCOUNT_DEVICES_PAGE],
  ['org.matrix.sessions_list', ACCOUNT_DEVICES_PAGE],
  ['org.matrix.device_view', `${ACCOUNT_DEVICES_PAGE}/view`],
  ['org.matrix.session_view', `${ACCOUNT_DEVICES_PAGE}/view`],
  ['org.matrix.device_delete', `${ACCOUNT_DEVICES_PAGE}/delete`],
  ['org.matrix.session_end', `${ACCOUNT_DEVICES_PAGE}/delete`],
  ['org.matrix.account_deactivate', ACCOUNT_CLOSE_PAGE],
  ['org.matrix.cross_signing_reset', ACCOUNT_RESET_PAGE],
])

/** Where the page of an action is; undefined: it is not known here. */
const pageOf = ({ action = '', device_id: deviceId }: OwnQuery): string | undefined => {
  const path = ACTIONS.get(action)
  if (path === undefined || !path.startsWith(`${ACCOUNT_DEVICES_PAGE}/`)) return path
  return deviceId === undefined
    ? ACCOUNT_DEVICES_PAGE
    : `${path}?${new URLSearchParams({ device_id: deviceId }).toString()}`
}

const DONE: ReadonlyMap<string, string> = new Map([
  ['password', 'Your new password is set.'],
  ['everywhere', 'You are signed out everywhere else.'],
])

/** The first page of an account, which is also the account management URL of clients. */
export const accountHomeEndpoints = (deps: AccountHomeDeps, ownPages: OwnPages): readonly AnyEndpoint[] => {
  const { sessions, profiles, hasApps, signIn, ownMail } = deps
  return [
    ownPages.page(ACCOUNT_PAGE, async ({ session, query }) => {
      const page = pageOf(query)
      if (page !== undefined) return seeOther(page)
      const { displayname: displayName } = await profiles.memberFields(session.userId)
      return accountHomePage({
        ...{ userId: session.userId, csrf: session.csrf, displayName },
        hasApps,
        hasProviders: signIn.providers.length > 0,
        hasMail: ownMail !== undefined,
        done: DONE.get(query.done ?? ''),
      })
    }),
    ownPages.form(ACCOUNT_SIGN_OUT_PAGE, ACCOUNT_PAGE, async ({ session }) => {
      await sessions.end(session.id)
      return seeOther(ACCOUNT_SIGN_IN_PAGE, { 'Set-Cookie': sessions.goneCookie })
    }),
  ]
}
