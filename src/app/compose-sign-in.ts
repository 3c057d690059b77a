import { readFile } from 'node:fs/promises'
import type { CacheStats } from '#base'
import type { Config } from '#config'
import {
  type Arrival,
  CALLBACK_PATH,
  ExternalIdentities,
  IdentityStages,
  LoginTokens,
  OAUTH2_STAGE,
  OneTimeTable,
  SignIn,
  type SignInProvider,
  SSO_STAGE,
} from '#domain'
import { type OpenIdClientAuth, type OpenIdEndpoints, OpenIdProvider } from '#net'
import { writers } from '#store'
import type { Ground } from './ground.ts'
import { reasonOf, StartError } from './start-error.ts'

/** Sign-in at providers, before there are accounts to sign in to. */
export interface SignInRooms {
  readonly signIn: SignIn
  readonly identities: ExternalIdentities
  readonly identityStages: IdentityStages
  readonly arrivals: OneTimeTable<Arrival>
  /** What a sign-in ends with. */
  readonly loginTokens: LoginTokens
  caches(): readonly CacheStats[]
}

/** Throws `StartError` where a key cannot be read. Providers are not asked for anything yet. */
export const buildSignIn = async (ground: Ground): Promise<SignInRooms> => {
  const { config, store, clock, random, logger } = ground
  const providers = await Promise.all(config.signIn.providers.map((settings) => providerOf(ground, settings)))
  const lifetimeMs = config.sessions.authenticationSessionLifetime
  const baseUrl = config.server.publicBaseUrl ?? ''
  const signIn = new SignIn(providers, { clock, random, logger, lifetimeMs, baseUrl })
  const identities = new ExternalIdentities(store.externalIdentities, writers.externalIdentities, clock)
  const arrivals = new OneTimeTable<Arrival>({ name: 'sign-in-arrivals', clock, random, lifetimeMs })
  return {
    signIn,
    identities,
    identityStages: new IdentityStages(signIn, identities, { clock, random, lifetimeMs }),
    arrivals,
    loginTokens: new LoginTokens('login-tokens', clock, random, config.signIn.loginTokenLifetime),
    caches: () => [...signIn.stats(), arrivals.stats()],
  }
}

/** How somebody confirms with a provider what they do. */
export const confirmingStages = ({ identityStages }: SignInRooms) => [
  identityStages.stage(SSO_STAGE, false),
  identityStages.stage(OAUTH2_STAGE, false),
]

type ProviderSettings = Config['signIn']['providers'][number]

const providerOf = async ({ config, clock }: Ground, settings: ProviderSettings): Promise<SignInProvider> => {
  const { id, name, brand, icon, localpart, displayName, email } = settings
  const { allowRegistration, chooseUserName, linkExisting, clientId, scopes } = settings
  return {
    id,
    name,
    brand,
    icon,
    templates: { localpart, displayName, email },
    allowRegistration,
    chooseUserName,
    linkExisting,
    client: new OpenIdProvider({
      clock,
      endpoints: endpointsOf(settings),
      clientId,
      clientAuth: await clientAuthOf(settings),
      scopes,
      redirectUri: `${config.server.publicBaseUrl}${CALLBACK_PATH}`,
      timeoutMs: config.signIn.requestTimeout,
    }),
  }
}

const endpointsOf = (settings: ProviderSettings): OpenIdEndpoints => {
  const { issuer, authorizationEndpoint = '', tokenEndpoint = '', userinfoEndpoint = '', subjectClaim } = settings
  return issuer === undefined
    ? { kind: 'explicit', authorizationEndpoint, tokenEndpoint, userinfoEndpoint, subjectClaim }
    : { kind: 'issuer', issuer }
}

/** Which of secret and key there is was checked with the configuration. */
const clientAuthOf = async (settings: ProviderSettings): Promise<OpenIdClientAuth> => {
  const { clientAuth, clientSecret = '', privateKeyFile = '', privateKeyId } = settings
  if (clientAuth !== 'private_key_jwt') return { kind: clientAuth, secret: clientSecret }
  try {
    return { kind: clientAuth, pem: await readFile(privateKeyFile, 'utf8'), keyId: privateKeyId }
  } catch (cause) {
    throw new StartError(
      `The key file ${privateKeyFile} of provider ${settings.id} cannot be read: ${reasonOf(cause)}`,
      {
        cause,
      },
    )
  }
}
