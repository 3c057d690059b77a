import type {
  BrowserSession,
  BrowserSessions,
  CrossSigningResets,
  Deactivate,
  OwnAccount,
  Profiles,
  SetProfile,
} from '#domain'
import type { AnyEndpoint } from '#http'
import {
  ACCOUNT_CLOSE_PAGE,
  ACCOUNT_PAGE,
  ACCOUNT_PASSWORD_PAGE,
  ACCOUNT_PROFILE_PAGE,
  ACCOUNT_RESET_PAGE,
  closedPage,
  closePage,
  ownPasswordPage,
  profilePage,
  type Refusal,
  resetPage,
} from '#pages'
import { MatrixError, userSuspended } from '#spec'
import { seeOther } from './browser-gate.ts'
import { type OwnPages, orRefused } from './own-pages.ts'

export interface OwnAccountDeps {
  readonly sessions: BrowserSessions
  readonly ownAccount: OwnAccount
  readonly profiles: Pick<Profiles, 'memberFields'>
  readonly setProfile: Pick<SetProfile, 'set' | 'remove'>
  readonly deactivate: Pick<Deactivate, 'byOwner'>
  readonly crossSigningResets: CrossSigningResets
}

const RECENT = { recent: true } as const

const profileEndpoints = ({ profiles, setProfile }: OwnAccountDeps, ownPages: OwnPages): readonly AnyEndpoint[] => {
  const show = async (
    session: BrowserSession,
    more: { readonly refusal?: Refusal; readonly done?: string | undefined },
  ) => {
    const { displayname: name = '' } = await profiles.memberFields(session.userId)
    return profilePage({ ...session, name, ...more })
  }
  return [
    ownPages.page(ACCOUNT_PROFILE_PAGE, ({ session, query }) =>
      show(session, { done: query.done === undefined ? undefined : 'Your name is saved.' }),
    ),
    ownPages.form(ACCOUNT_PROFILE_PAGE, ACCOUNT_PROFILE_PAGE, ({ session, fields }) =>
      orRefused(
        async () => {
          if (session.suspended) throw userSuspended()
          const name = fields.get('name')?.trim() ?? ''
          if (name === '') await setProfile.remove(session, 'displayname')
          else await setProfile.set(session, 'displayname', name)
          return seeOther(`${ACCOUNT_PROFILE_PAGE}?done=1`)
        },
        (refusal) => show(session, { refusal }),
      ),
    ),
  ]
}

const passwordEndpoints = ({ ownAccount }: OwnAccountDeps, ownPages: OwnPages): readonly AnyEndpoint[] => {
  const show = async (session: BrowserSession, refusal?: Refusal) => {
    const state = await ownAccount.passwordOf(session.userId)
    const elsewhere = state.kind === 'elsewhere' ? state.name : undefined
    return ownPasswordPage({ ...session, has: state.kind === 'set', elsewhere, refusal })
  }
  return [
    ownPages.page(ACCOUNT_PASSWORD_PAGE, ({ session }) => show(session), RECENT),
    ownPages.form(
      ACCOUNT_PASSWORD_PAGE,
      ACCOUNT_PASSWORD_PAGE,
      ({ session, fields, ip }) =>
        orRefused(
          async () => {
            const password = fields.get('password') ?? ''
            if (password !== (fields.get('repeated') ?? '')) {
              throw new MatrixError('M_INVALID_PARAM', 'The two new passwords are not the same')
            }
            const wish = {
              current: fields.get('current') ?? '',
              password,
              endsSessions: fields.get('everywhere') === 'yes',
            }
            const { setCookie } = await ownAccount.changePassword(session.userId, wish, { ip })
            return seeOther(`${ACCOUNT_PAGE}?done=password`, { 'Set-Cookie': setCookie })
          },
          (refusal) => show(session, refusal),
        ),
      { ...RECENT, rateLimit: 'login' },
    ),
  ]
}

const closeEndpoints = ({ sessions, deactivate }: OwnAccountDeps, ownPages: OwnPages): readonly AnyEndpoint[] => [
  ownPages.page(ACCOUNT_CLOSE_PAGE, ({ session }) => Promise.resolve(closePage(session)), RECENT),
  ownPages.form(
    ACCOUNT_CLOSE_PAGE,
    ACCOUNT_CLOSE_PAGE,
    ({ session, fields }) =>
      orRefused(
        async () => {
          if (fields.get('typed')?.trim() !== session.userId) {
            throw new MatrixError('M_INVALID_PARAM', `To close the account, type ${session.userId}`)
          }
          await deactivate.byOwner(session.userId, fields.get('erase') === 'yes')
          await sessions.endAllOf(session.userId)
          return closedPage({ 'Set-Cookie': sessions.goneCookie })
        },
        (refusal) => closePage({ ...session, refusal }),
      ),
    RECENT,
  ),
]

const resetEndpoints = ({ crossSigningResets }: OwnAccountDeps, ownPages: OwnPages): readonly AnyEndpoint[] => [
  ownPages.page(
    ACCOUNT_RESET_PAGE,
    async ({ session }) => resetPage({ ...session, allowed: await crossSigningResets.isAllowed(session.userId) }),
    RECENT,
  ),
  ownPages.form(
    ACCOUNT_RESET_PAGE,
    ACCOUNT_RESET_PAGE,
    async ({ session }) => {
      await crossSigningResets.allow(session.userId)
      return seeOther(ACCOUNT_RESET_PAGE)
    },
    RECENT,
  ),
]

/** The pages on which people change their own account. */
export const ownAccountEndpoints = (deps: OwnAccountDeps, ownPages: OwnPages): readonly AnyEndpoint[] => [
  ...profileEndpoints(deps, ownPages),
  ...passwordEndpoints(deps, ownPages),
  ...closeEndpoints(deps, ownPages),
  ...resetEndpoints(deps, ownPages),
]
