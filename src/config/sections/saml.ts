import { baseUrl, duration, nonEmptyText, oneOf, path, text, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

const attribute = text('the name of an attribute, as the provider sends it', (value) => /^[^\s<>"]{1,255}$/.test(value))

export const saml = {
  title: 'Sign-in by a SAML provider',
  settings: {
    entryPoint: optional(baseUrl, {
      description:
        'Where the provider takes requests (HTTP-Redirect). Unset: none. It needs server.publicBaseUrl; see docs/sign-in-providers.md.',
    }),
    issuer: optional(nonEmptyText, { description: "The provider's entity id, which its answers must have as issuer." }),
    certificateFile: optional(path, { description: 'The certificate in PEM with which the provider signs.' }),
    name: setting(nonEmptyText, 'SAML', { description: 'Its name for people.' }),
    signed: setting(oneOf('assertion', 'response'), 'assertion', {
      description: 'The part that must be signed: the assertion, or the whole response.',
    }),
    subjectAttribute: optional(attribute, {
      description:
        'The attribute that names a person for ever, and is never given to another. Unset: the NameID, which must not be transient.',
    }),
    usernameAttribute: setting(attribute, 'uid', {
      description: 'The attribute with the user name suggested to a new person.',
    }),
    displayNameAttribute: setting(attribute, 'displayName', {
      description: "The attribute with a new person's display name.",
    }),
    emailAttribute: setting(attribute, 'email', {
      description: 'The attribute with the e-mail address, which counts as verified.',
    }),
    allowRegistration: setting(yesOrNo, true, {
      description: 'Whether people without an account get one, even where registration is closed.',
    }),
    chooseUserName: setting(yesOrNo, true, {
      description: 'Whether they choose its name; else it is the suggested one, where it is free.',
    }),
    linkExisting: setting(oneOf('never', 'localpart', 'verifiedEmail'), 'never', {
      description:
        'Whether an account that is there already becomes theirs: never; the one of the same local part; the one with the same e-mail address. The provider can then open such accounts: trust it as you trust yourself.',
    }),
    clockSkew: setting(duration, '30s', { description: "How far the provider's clock may be off." }),
  },
} as const

/** The provider's id in `identity_providers`, stored with every identity. */
export const SAML_ID = 'saml'

/** The settings that belong together, and those of other sections. */
export const refuseSamlWithoutNeeds = (
  settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  problems: { path: string; message: string }[],
): void => {
  const { saml: own } = settings
  if (own?.entryPoint === undefined) return
  for (const key of ['issuer', 'certificateFile']) {
    if (own[key] === undefined)
      problems.push({ path: `saml.${key}`, message: 'expected, since there is saml.entryPoint' })
  }
  if (settings.server?.publicBaseUrl === undefined) {
    problems.push({
      path: 'server.publicBaseUrl',
      message: 'expected, since the SAML provider sends browsers back to it',
    })
  }
  const providers = settings.signIn?.providers as readonly { readonly id: string }[] | undefined
  if (providers?.some(({ id }) => id === SAML_ID) === true) {
    problems.push({
      path: 'signIn.providers',
      message: `expected no provider with the id ${SAML_ID}, as there is a SAML provider`,
    })
  }
}
