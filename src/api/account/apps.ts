import type { Consents, OAuthClients } from '#domain'
import type { AnyEndpoint } from '#http'
import { ACCOUNT_APPS_PAGE, appsPage } from '#pages'
import { seeOther } from './browser-gate.ts'
import type { OwnPages } from './own-pages.ts'

export interface OwnAppsDeps {
  readonly consents: Pick<Consents, 'listOf' | 'takeBack'>
  readonly oauthClients: Pick<OAuthClients, 'namesOf'>
}

/** The apps of OAuth that somebody let in for good: shown, and each taken back. */
export const ownAppsEndpoints = (
  { consents, oauthClients }: OwnAppsDeps,
  ownPages: OwnPages,
): readonly AnyEndpoint[] => [
  ownPages.page(ACCOUNT_APPS_PAGE, async ({ session, query }) => {
    const all = await consents.listOf(session.userId)
    const names = await oauthClients.namesOf(all.map(({ clientId }) => ({ oauthClient: clientId })))
    return appsPage({
      csrf: session.csrf,
      // A client that nobody used for long is forgotten, and nobody can come as it again.
      consents: all.flatMap(({ name, clientId, givenAtMs }) => {
        const app = names.get(clientId)
        return app === undefined ? [] : [{ name, app, givenAtMs }]
      }),
      done: query.done === undefined ? undefined : 'The app has to ask again.',
    })
  }),
  ownPages.form(`${ACCOUNT_APPS_PAGE}/take-back`, ACCOUNT_APPS_PAGE, async ({ session, fields }) => {
    await consents.takeBack(session.userId, fields.get('name') ?? '')
    return seeOther(`${ACCOUNT_APPS_PAGE}?done=1`)
  }),
]
