import type { OwnMail, RegistrationPolicy } from '#domain'
import type { CustomReply } from '#http'
import { type AnyEndpoint, endpoint, none, oldPaths } from '#http'
import {
  type AccountPagesView,
  LOGIN_PAGE,
  loginPage,
  PASSWORD_PAGE,
  passwordPage,
  REGISTER_PAGE,
  refusedPage,
  registerPage,
} from '#pages'

export interface AccountPagesDeps {
  readonly serverName: string
  readonly registrationPolicy: Pick<RegistrationPolicy, 'mode'>
  /** undefined: this server sends no mail. */
  readonly ownMail: OwnMail | undefined
  readonly registrationEmail: AccountPagesView['email']
  readonly webClient: string
  /** Makes a text that nobody can guess. */
  readonly newSecret: () => string
}

const pageAt = (path: string, page: () => CustomReply, ...others: readonly string[]): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: [path, path.slice(0, -1), ...others],
    auth: none(),
    rateLimit: 'other',
    errorPage: refusedPage,
    handler: async () => page(),
  })

/**
 * "Login Fallback" of today and of 2015; the page for registration, which is in no document but in clients since 2015; and one for forgotten passwords. No
 * file of the official data has them.
 */
export const accountPagesEndpoints = (deps: AccountPagesDeps): readonly AnyEndpoint[] => {
  const { serverName, registrationPolicy, ownMail, registrationEmail, webClient, newSecret } = deps
  const view: AccountPagesView = {
    serverName,
    registration: registrationPolicy.mode,
    // Without own mail the stage could not be done on a page of ours.
    email: ownMail === undefined ? 'off' : registrationEmail,
    recovers: ownMail !== undefined,
    webClient,
  }
  return [
    pageAt(LOGIN_PAGE, () => loginPage(view), oldPaths('/login/fallback')[0]),
    pageAt(REGISTER_PAGE, () => registerPage(view)),
    pageAt(PASSWORD_PAGE, () => passwordPage(view, newSecret())),
  ]
}
