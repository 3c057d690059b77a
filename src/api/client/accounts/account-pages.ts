import type { RegistrationPolicy } from '#domain'
import { type AnyEndpoint, endpoint, none, oldPaths } from '#http'
import { loginPage, refusedPage, registerPage } from '#pages'

export interface AccountPagesDeps {
  readonly serverName: string
  readonly registrationPolicy: Pick<RegistrationPolicy, 'isOpen'>
}

const STATIC = '/_matrix/static/client'

/**
 * "Login Fallback" of today and of 2015, and the page for registration, which is in no document but in clients since 2015. No file of the
 * official data has them.
 */
export const accountPagesEndpoints = ({ serverName, registrationPolicy }: AccountPagesDeps): readonly AnyEndpoint[] => {
  const view = { serverName, canRegister: registrationPolicy.isOpen }
  return [
    endpoint({
      method: 'GET',
      paths: [`${STATIC}/login/`, `${STATIC}/login`, oldPaths('/login/fallback')[0]],
      auth: none(),
      rateLimit: 'other',
      errorPage: refusedPage,
      handler: async () => loginPage(view),
    }),
    endpoint({
      method: 'GET',
      paths: [`${STATIC}/register/`, `${STATIC}/register`],
      auth: none(),
      rateLimit: 'other',
      errorPage: refusedPage,
      handler: async () => registerPage(view),
    }),
  ]
}
