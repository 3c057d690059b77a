import { baseUrl, duration, type Kind, list, nonEmptyText, oneOf, text, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

const template = text('a text with attributes in braces, such as {displayName}', (value) =>
  /^[^{}]*(?:\{[^{}\s]{1,255}\}[^{}]*)*$/.test(value),
)

export interface RequiredAttribute {
  readonly name: string
  readonly value: string | undefined
}
const requiredAttribute: Kind<RequiredAttribute> = {
  expects: 'the name of an attribute, or name=value, such as memberOf=staff',
  parse: (raw) => {
    const match = typeof raw === 'string' ? /^([^=\s]{1,255})(?:=(.{1,1000}))?$/.exec(raw) : null
    return match?.[1] === undefined ? undefined : { name: match[1], value: match[2] }
  },
}

export const cas = {
  title: 'Sign-in by a CAS server: m.login.cas, m.login.sso',
  settings: {
    serverUrl: optional(baseUrl, {
      description:
        'The CAS server, such as https://cas.example.org/cas: people sign in at /login below it, and /proxyValidate tells who they are. Unset: none. It needs server.publicBaseUrl; see docs/sign-in-providers.md.',
    }),
    name: setting(nonEmptyText, 'CAS', { description: 'Its name for people.' }),
    localpart: setting(template, '{user}', { description: 'The user name suggested to a new person.' }),
    displayName: setting(template, '{displayName}', {
      description: "A new person's display name, of the attributes that the CAS server tells.",
    }),
    requiredAttributes: setting(list(requiredAttribute), [], {
      description: 'Who may sign in: those with all of these attributes, with the value where one is given.',
    }),
    allowRegistration: setting(yesOrNo, true, {
      description: 'Whether people without an account get one, even where registration is closed.',
    }),
    chooseUserName: setting(yesOrNo, true, {
      description: 'Whether they choose its name; else it is that of localpart, where it is free.',
    }),
    linkExisting: setting(oneOf('never', 'localpart'), 'never', {
      description:
        'Whether an account that is there already becomes theirs: never; the one of the same local part. The CAS server can then open such accounts: trust it as you trust yourself.',
    }),
    requestTimeout: setting(duration, '10s', { description: 'How long one request to the CAS server may take.' }),
  },
} as const

/** The provider's id in `identity_providers`, stored with every identity. */
export const CAS_ID = 'cas'

/** The settings of other sections that CAS needs. */
export const refuseCasWithoutNeeds = (
  settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  problems: { path: string; message: string }[],
): void => {
  if (settings.cas?.serverUrl === undefined) return
  if (settings.server?.publicBaseUrl === undefined) {
    problems.push({ path: 'server.publicBaseUrl', message: 'expected, since the CAS server sends browsers back to it' })
  }
  const providers = settings.signIn?.providers as readonly { readonly id: string }[] | undefined
  if (providers?.some(({ id }) => id === CAS_ID) === true) {
    problems.push({
      path: 'signIn.providers',
      message: `expected no provider with the id ${CAS_ID}, as there is a CAS server`,
    })
  }
}
