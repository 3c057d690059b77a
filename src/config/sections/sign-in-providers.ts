import { duration, list, nonEmptyText, oneOf, path, text, yesOrNo } from '../kinds.ts'
import { type PartProblem, recordList, required } from '../records.ts'
import { optional, type Section, setting, type Values } from '../setting.ts'

const webUrl = (value: string): boolean => {
  const url = URL.parse(value)
  return url !== null && /^https?:$/.test(url.protocol) && url.hash === '' && url.username === ''
}
/** Kept as written: an issuer is compared, so a slash at its end counts. */
const issuer = text('a URL that begins with https://, as the provider writes it', (value) => webUrl(value))
const endpoint = text('a URL that begins with https:// or http://', webUrl)
const providerId = text('1 to 255 letters, digits and . _ ~ -', (value) => /^[\w.~-]{1,255}$/.test(value))
const brand = text('a name such as github: small letters, digits and . _ -', (value) =>
  /^[a-z][a-z0-9._-]{0,254}$/.test(value),
)
const mxcUri = text('a URI that begins with mxc://', (value) => /^mxc:\/\/[^/\s]+\/[\w-]+$/.test(value))
const claim = text('the name of a claim such as sub or profile.id', (value) => /^[^{}\s]{1,255}$/.test(value))
const template = text('a text with claims in braces, such as {preferred_username}', (value) =>
  /^[^{}]*(?:\{[^{}\s]{1,255}\}[^{}]*)*$/.test(value),
)
const clientUrl = text('the beginning of a URL such as https://app.example.org/ or io.element.desktop:/', (value) =>
  URL.canParse(value),
)

const ENDPOINTS = ['authorizationEndpoint', 'tokenEndpoint', 'userinfoEndpoint'] as const

const provider = {
  id: required(providerId, {
    description: 'Its id in the identity provider list and with every identity that is kept: never change it.',
  }),
  name: required(nonEmptyText, { description: 'Its name for people.' }),
  brand: optional(brand, {
    description: 'Which button clients show: apple, github, gitlab, google, facebook, twitter …',
  }),
  icon: optional(mxcUri, { description: 'An image for clients that do not know the brand.' }),
  issuer: optional(issuer, {
    description: 'The issuer of an OpenID Connect provider; the rest is discovered there. Unset: plain OAuth 2.0.',
  }),
  authorizationEndpoint: optional(endpoint, { description: 'Plain OAuth 2.0: where the browser is sent.' }),
  tokenEndpoint: optional(endpoint, { description: 'Plain OAuth 2.0: where the code is exchanged.' }),
  userinfoEndpoint: optional(endpoint, { description: 'Plain OAuth 2.0: who it is, as JSON.' }),
  clientId: required(nonEmptyText, { description: 'What the provider calls this server.' }),
  clientSecret: optional(nonEmptyText, { secret: true, description: 'The secret that the provider gave with it.' }),
  clientAuth: setting(oneOf('client_secret_basic', 'client_secret_post', 'private_key_jwt'), 'client_secret_basic', {
    description: 'How this server proves to the provider who it is.',
  }),
  privateKeyFile: optional(path, { description: 'For private_key_jwt: PEM file with a key (PKCS #8), RSA or P-256.' }),
  privateKeyId: optional(nonEmptyText, { description: 'For private_key_jwt: the id of the key.' }),
  scopes: setting(list(nonEmptyText), ['openid', 'profile', 'email'], {
    description: 'What the provider is asked for.',
  }),
  subjectClaim: setting(claim, 'sub', {
    description: 'The claim that names a person for ever. With an issuer it is always sub.',
  }),
  localpart: setting(template, '{preferred_username}', { description: 'The user name suggested to a new person.' }),
  displayName: setting(template, '{name}', { description: "A new person's display name." }),
  email: setting(template, '{email}', {
    description: 'The e-mail address; it counts as verified where the provider says email_verified.',
  }),
  allowRegistration: setting(yesOrNo, true, {
    description: 'Whether people without an account get one, even where registration is closed.',
  }),
  chooseUserName: setting(yesOrNo, true, {
    description: 'Whether they choose its name; else it is that of localpart, where it is free.',
  }),
  linkExisting: setting(oneOf('never', 'localpart', 'verifiedEmail'), 'never', {
    description:
      'Whether an account that is there already becomes theirs: never; the one of the same local part; the one with the same verified e-mail address. The provider can then open such accounts: trust it as you trust yourself.',
  }),
} as const

const providers = recordList(provider, (one, before) => {
  const problems: PartProblem[] = []
  const want = (key: string, why: string) => problems.push({ at: `.${key}`, message: `expected ${why}` })
  if (before.some(({ id }) => id === one.id)) want('id', 'an id that no other provider has')
  for (const key of ENDPOINTS) {
    if (one.issuer === undefined && one[key] === undefined) want(key, 'as there is no issuer')
    if (one.issuer !== undefined && one[key] !== undefined) want(key, 'to be absent, as the issuer tells it')
  }
  if (one.issuer !== undefined && !one.scopes.includes('openid'))
    want('scopes', 'to name openid, as there is an issuer')
  if (one.issuer !== undefined && one.subjectClaim !== 'sub') want('subjectClaim', 'to be sub, as there is an issuer')
  const keyed = one.clientAuth === 'private_key_jwt'
  if (keyed && one.privateKeyFile === undefined) want('privateKeyFile', 'as clientAuth is private_key_jwt')
  if (!keyed && one.clientSecret === undefined) want('clientSecret', `as clientAuth is ${one.clientAuth}`)
  return problems
})

export const signIn = {
  title: 'Sign-in by OAuth 2.0 and OpenID Connect providers: m.login.oauth2, m.login.sso',
  settings: {
    providers: setting(providers, [], {
      description: 'The providers; see docs/sign-in-providers.md. They need server.publicBaseUrl.',
    }),
    trustedClients: setting(list(clientUrl), [], {
      description:
        'Clients that get login tokens at once, by the beginning of their URLs. For all others the person is asked first: a link could lead somebody to a stranger.',
    }),
    loginTokenLifetime: setting(duration, '30s', {
      description: 'How long a client may take from the end of a sign-in to its login with the login token.',
    }),
    requestTimeout: setting(duration, '10s', { description: 'How long one request to a provider may take.' }),
  },
} as const

export type SignInProviderSettings = Values<Section<typeof provider>>

/** The settings of other sections that providers need. */
export const refuseSignInWithoutNeeds = (
  settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  problems: { path: string; message: string }[],
): void => {
  // An error in the list itself is reported instead.
  const given = settings.signIn?.providers as readonly SignInProviderSettings[] | undefined
  if (given === undefined) return
  if (given.length > 0 && settings.server?.publicBaseUrl === undefined) {
    problems.push({
      path: 'server.publicBaseUrl',
      message: 'expected, since providers of signIn send browsers back to it',
    })
  }
  if (settings.registration?.oauth2 === true && !given.some(({ allowRegistration }) => allowRegistration)) {
    problems.push({
      path: 'registration.oauth2',
      message: 'expected false, as no provider of signIn allows registration',
    })
  }
}
