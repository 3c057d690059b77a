import { abuse } from './sections/abuse.ts'
import { accountValidity } from './sections/account-validity.ts'
import { captcha, passwords, registration, sessions } from './sections/accounts.ts'
import { administration } from './sections/administration.ts'
import { appservices } from './sections/appservices.ts'
import { cas } from './sections/cas.ts'
import { delayedEvents } from './sections/delayed-events.ts'
import { support } from './sections/discovery.ts'
import { encryption } from './sections/encryption.ts'
import { federation } from './sections/federation.ts'
import { identityServers } from './sections/identity-servers.ts'
import { ldap } from './sections/ldap.ts'
import { listen } from './sections/listen.ts'
import { logging } from './sections/logging.ts'
import { mail } from './sections/mail.ts'
import { media, s3, urlPreviews } from './sections/media.ts'
import { oauth } from './sections/oauth.ts'
import { policyServer } from './sections/policy-server.ts'
import { presence } from './sections/presence.ts'
import { push } from './sections/push.ts'
import { rateLimits } from './sections/rate-limits.ts'
import { rendezvous } from './sections/rendezvous.ts'
import { retention } from './sections/retention.ts'
import { rooms } from './sections/rooms.ts'
import { saml } from './sections/saml.ts'
import { pages, server } from './sections/server.ts'
import { signIn } from './sections/sign-in-providers.ts'
import { storage } from './sections/storage.ts'
import { tracing } from './sections/tracing.ts'
import { userDirectory } from './sections/user-directory.ts'
import { voip } from './sections/voip.ts'
import { type AnySection, environmentName, type Setting, type Values } from './setting.ts'

/** Everything an operator can set, in the order of the reference page. */
export const SECTIONS = {
  server,
  listen,
  storage,
  registration,
  captcha,
  abuse,
  policyServer,
  signIn,
  cas,
  saml,
  ldap,
  oauth,
  rendezvous,
  sessions,
  passwords,
  accountValidity,
  mail,
  rooms,
  retention,
  userDirectory,
  media,
  s3,
  urlPreviews,
  presence,
  encryption,
  push,
  voip,
  delayedEvents,
  rateLimits,
  identityServers,
  federation,
  appservices,
  support,
  administration,
  pages,
  logging,
  tracing,
} as const

/** The values of all sections; `Config` is this after the settings that depend on others were resolved. */
export type Settings = { readonly [Name in keyof typeof SECTIONS]: Values<(typeof SECTIONS)[Name]> }

export interface Place {
  readonly section: string
  readonly key: string
  /** `section.key`, as messages name it. */
  readonly path: string
  readonly environment: string
  /** Whether a running server takes it anew on SIGHUP. */
  readonly reloads: boolean
  readonly setting: Setting<unknown>
}

export const PLACES: readonly Place[] = Object.entries(SECTIONS as Readonly<Record<string, AnySection>>).flatMap(
  ([section, { settings }]) =>
    Object.entries(settings).map(([key, setting]) => ({
      section,
      key,
      path: `${section}.${key}`,
      environment: environmentName(section, key, setting.flag),
      reloads: setting.reloads === true || section === 'rateLimits',
      setting,
    })),
)
