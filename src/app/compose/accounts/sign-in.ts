import { readFile } from 'node:fs/promises'
import type { AccountsDeps } from '#api'
import { CAS_ID, type Config } from '#config'
import {
  type Accounts,
  type Admission,
  type Authorization,
  CALLBACK_PATH,
  type CallbackOperation,
  type CreateAccount,
  type Devices,
  ExternalIdentities,
  GetLoginToken,
  givesTickets,
  type IdentityProof,
  IdentityStages,
  type InteractiveAuth,
  identityIn,
  type KeptChoice,
  type LoginTokenOwner,
  LoginTokens,
  type NewUserIds,
  OAUTH2_STAGE,
  type PendingSignIn,
  Reauthentication,
  SignIn,
  SignInFlow,
  type SignInProvider,
  type SignInTables,
  SSO_STAGE,
  type Stage,
  TERMS_STAGE,
  type TicketJourney,
  TOKEN_STAGE,
} from '#domain'
import { CasServer, isSigningKey, type OpenIdClientAuth, type OpenIdEndpoints, OpenIdProvider } from '#net'
import { type ShortLivedTable, writers } from '#store'
import { reasonOf, StartError } from '../../host/start-error.ts'
import type { Ground } from '../ground/ground.ts'
import { buildBrowserSessions } from './browser-sessions.ts'
import { buildIdentityAccounts, directoriesOf } from './directory.ts'
import { type RegistrationOffer, termsOf } from './registration-offer.ts'
import { samlOf } from './saml.ts'

/** Builds the providers without contacting them. Throws `StartError` if a key cannot be read. */
export const buildProviders = async (ground: Ground): Promise<readonly SignInProvider[]> => [
  ...(await Promise.all(ground.config.signIn.providers.map((settings) => providerOf(ground, settings)))),
  ...casOf(ground),
  ...samlOf(ground),
]

type SignInApi = Pick<AccountsDeps, 'signIn' | 'getLoginToken' | 'signInPages'>

/** Parts that are built after the stages that sign-in offers. */
export interface SignInNeeds {
  readonly newUserIds: NewUserIds
  readonly createAccount: CreateAccount
  readonly admission: Admission
  readonly devices: Devices
  /** The operations that the redirect URI of a provider completes by itself. */
  readonly callbackOperations: ReadonlyMap<string, CallbackOperation>
}

/** Sign-in at providers, and the parts of it that the stages of accounts need. */
export interface BuiltSignIn {
  readonly signIn: SignIn
  readonly identities: ExternalIdentities
  readonly identityStages: IdentityStages
  readonly reauthentication: Reauthentication
  /** The offer of registration, with sign-in as one more flow if the operator wants that. */
  registering(offer: RegistrationOffer): RegistrationOffer
  api(needs: SignInNeeds): SignInApi
  readonly pendingSignIns: ShortLivedTable<PendingSignIn>
  /** The stages of a login that names no user. */
  readonly loginStages: readonly Stage[]
}

const signInTables = (shortLived: Ground['shortLived'], lifetimeMs: number): SignInTables => ({
  authorizations: shortLived.table<Authorization>('sign-in-authorization', { lifetimeMs }),
  openChoices: shortLived.table<KeptChoice>('sign-in-open-choice', { lifetimeMs }),
  shownChoices: shortLived.table<KeptChoice & { readonly browser: string }>('sign-in-shown-choice', { lifetimeMs }),
  begun: shortLived.table<{ readonly uri: string; readonly state?: string }>('sign-in-begun', { lifetimeMs }),
  tickets: shortLived.table<TicketJourney>('sign-in-ticket', { lifetimeMs }),
})

export const buildSignIn = (
  ground: Ground,
  providers: readonly SignInProvider[],
  accounts: Accounts,
  uia: InteractiveAuth,
): BuiltSignIn => {
  const { config, store, shortLived, clock, random, logger } = ground
  const lifetimeMs = config.sessions.authenticationSessionLifetime
  const baseUrl = config.server.publicBaseUrl ?? ''
  const signIn = new SignIn({ providers, tables: signInTables(shortLived, lifetimeMs), clock, random, logger, baseUrl })
  const identities = new ExternalIdentities({
    reader: store.externalIdentities,
    writer: writers.externalIdentities,
    clock,
  })
  const pendingSignIns = shortLived.table<PendingSignIn>('sign-in-pending', { lifetimeMs })
  const browserSessions = buildBrowserSessions(ground)
  const proofs = shortLived.table<IdentityProof>('sign-in-proof', { lifetimeMs })
  const identityStages = new IdentityStages({ signIn, identities, uia, proofs })
  const confirming = [identityStages.stage(SSO_STAGE, false), identityStages.stage(OAUTH2_STAGE, false)]
  const tokens = shortLived.table<LoginTokenOwner>('login-token', { lifetimeMs: config.signIn.loginTokenLifetime })
  const loginTokens = new LoginTokens({ tokens, random })
  const reauthentication = new Reauthentication({
    ...{ accounts, identities, providers },
    identityStages: confirming,
    directories: directoriesOf(config),
  })
  return {
    signIn,
    identities,
    identityStages,
    reauthentication,
    loginStages: providers.every(givesTickets) ? [] : [identityStages.stage(OAUTH2_STAGE, false)],
    registering: (offer) =>
      config.registration.oauth2 ? withSignIn(offer, identityStages.stage(OAUTH2_STAGE, true), identities) : offer,
    pendingSignIns,
    api: ({ newUserIds, createAccount, admission, devices, callbackOperations }) => ({
      signIn,
      getLoginToken: new GetLoginToken({ uia, reauthentication, loginTokens, devices }),
      signInPages: {
        signIn,
        signInFlow: new SignInFlow({
          accounts: buildIdentityAccounts(ground, { accounts, identities, newUserIds, createAccount, admission }),
          uia,
          identityStages,
          pendingSignIns,
          loginTokens,
          callbackOperations,
          rules: {
            trustedClients: [...config.signIn.trustedClients, ...ownPages(baseUrl)],
            hasTerms: termsOf(config).length > 0,
          },
          browserSessions,
        }),
        identityStages,
        baseUrl,
        serverName: config.server.name,
        documents: termsOf(config),
      },
    }),
  }
}

/** Adds a flow for people whom a provider identifies: no captcha and no address, but the token and the terms that everybody needs. */
const withSignIn = (
  { offer, changesFor }: RegistrationOffer,
  stage: Stage,
  identities: ExternalIdentities,
): RegistrationOffer => {
  const kept = offer.flows[0]?.filter((type) => type === TOKEN_STAGE || type === TERMS_STAGE) ?? []
  return {
    offer: { ...offer, flows: [...offer.flows, [...kept, stage.type]], stages: [...offer.stages, stage] },
    changesFor: (facts, userId) => {
      const identity = identityIn(facts)
      return [...changesFor(facts, userId), ...(identity === undefined ? [] : [identities.link(identity, userId)])]
    },
  }
}

/** URLs of our own login page, for browsers without a client. */
const ownPages = (baseUrl: string): readonly string[] =>
  baseUrl === '' ? [] : [`${baseUrl}/_matrix/static/client/login`]

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

/** The CAS server, if one is configured. */
const casOf = ({ config, clock }: Ground): readonly SignInProvider[] => {
  const { serverUrl, name, localpart, displayName, requiredAttributes, requestTimeout, ...rules } = config.cas
  if (serverUrl === undefined) return []
  return [
    {
      id: CAS_ID,
      name,
      brand: undefined,
      icon: undefined,
      // It does not say whether the addresses it tells are verified.
      templates: { localpart, displayName, email: '' },
      ...rules,
      client: new CasServer({ clock, serverUrl, requiredAttributes, timeoutMs: requestTimeout }),
    },
  ]
}

const endpointsOf = (settings: ProviderSettings): OpenIdEndpoints => {
  const { issuer, authorizationEndpoint = '', tokenEndpoint = '', userinfoEndpoint = '', subjectClaim } = settings
  return issuer === undefined
    ? { kind: 'explicit', authorizationEndpoint, tokenEndpoint, userinfoEndpoint, subjectClaim }
    : { kind: 'issuer', issuer }
}

/** How the server identifies itself to the provider. The configuration has checked that there is a secret or a key. */
const clientAuthOf = async (settings: ProviderSettings): Promise<OpenIdClientAuth> => {
  const { clientAuth, clientSecret = '', privateKeyFile = '', privateKeyId } = settings
  if (clientAuth !== 'private_key_jwt') return { kind: clientAuth, secret: clientSecret }
  const pem = await readKey(privateKeyFile, settings.id)
  return { kind: clientAuth, pem, keyId: privateKeyId }
}

const readKey = async (file: string, provider: string): Promise<string> => {
  let pem: string
  try {
    pem = await readFile(file, 'utf8')
  } catch (cause) {
    throw new StartError(`The key file ${file} of provider ${provider} cannot be read: ${reasonOf(cause)}`, { cause })
  }
  if (isSigningKey(pem)) return pem
  throw new StartError(`The key file ${file} of provider ${provider} holds no private key, RSA or P-256, in PEM`)
}
