import type { ApiDeps } from '#api'
import type { AnyEndpoint } from '#http'
import { landingPage, shownIn } from '#pages'
import { PACKAGE_VERSION } from '../../host/package-version.ts'
import { operationalEndpoints } from '../../monitoring/landing-page.ts'
import { Readiness } from '../../monitoring/readiness.ts'
import type { Ground } from './ground.ts'
import { wellKnownOf } from './well-known.ts'

/** The endpoints in which the server tells of itself, from the configuration alone. */
export const aboutServer = ({
  config,
  policyKey,
}: Pick<Ground, 'config' | 'policyKey'>): Pick<ApiDeps, 'capabilities' | 'wellknown' | 'support' | 'software'> => ({
  capabilities: {
    defaultRoomVersion: config.server.defaultRoomVersion,
    delayedEvents: { max_delay_ms: config.delayedEvents.maxDelay, max_scheduled: config.delayedEvents.maxScheduled },
    forgetsOnLeave: config.rooms.forgetOnLeave,
    threepidChanges: config.mail.smtpHost !== undefined || config.identityServers.trusted.length > 0,
  },
  wellknown: {
    client: wellKnownOf(config),
    federationDelegatedTo: config.federation.delegatedTo,
    policyServerKey: config.policyServer.enabled ? policyKey.publicKey : config.federation.policyServerKey,
  },
  support: {
    admin: { matrixId: config.support.adminMatrixId, emailAddress: config.support.adminEmail },
    security: { matrixId: config.support.securityMatrixId, emailAddress: config.support.securityEmail },
    supportPage: config.support.page,
  },
  software: { version: PACKAGE_VERSION },
})

/** The page at the root, and the checks of whoever watches over the process. */
export const operational = ({ config, store, clock, look }: Ground): readonly AnyEndpoint[] =>
  operationalEndpoints(
    shownIn(
      look.look,
      landingPage({
        serverName: config.server.name,
        version: PACKAGE_VERSION,
        publicBaseUrl: config.server.publicBaseUrl,
        registration: config.registration.mode,
        webClient: config.pages.webClient,
      }),
    ),
    new Readiness({ askDatabase: () => store.positions(), clock }),
  )
