import { duration, nonEmptyText, oneOf, path, text, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

const template = text('a text with attributes in braces, such as {cn}', (value) =>
  /^[^{}]*(?:\{[^{}\s]{1,255}\}[^{}]*)*$/.test(value),
)
const attribute = text('the name of an attribute', (value) => /^[A-Za-z][A-Za-z0-9.;-]{0,254}$/.test(value))
const ldapUrl = text('an address such as ldaps://ldap.example.org or ldap://ldap.example.org:389', (value) =>
  /^ldaps?:\/\/(?:[0-9A-Za-z.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?\/?$/.test(value),
)
const filter = text('a filter in brackets, such as (memberOf=cn=chat,dc=example,dc=org)', (value) =>
  /^\(.+\)$/.test(value),
)
const userDn = text('a DN with {username} in it, such as uid={username},ou=people,dc=example,dc=org', (value) =>
  /^[^{}]*\{username\}[^{}]*$/.test(value),
)

export const ldap = {
  title: 'Passwords of a directory: LDAP',
  settings: {
    url: optional(ldapUrl, {
      description: 'The directory whose passwords open accounts here too. Unset: none. See docs/sign-in-providers.md.',
    }),
    name: setting(nonEmptyText, 'LDAP', { description: 'Its name for people.' }),
    startTls: setting(yesOrNo, true, {
      description:
        'With ldap://: whether everything is encrypted before anything is said. Switch it off only for a directory on the same machine.',
    }),
    caFile: optional(path, {
      description: 'Certificates in PEM that vouch for the directory, besides those that Node knows.',
    }),
    userDn: optional(userDn, {
      description:
        'The DN of a person with that name. Set, people sign in to the directory as themselves; unset, they are searched.',
    }),
    bindDn: optional(nonEmptyText, {
      description: 'The DN that searches for people. Unset: nobody, which directories may allow.',
    }),
    bindPassword: optional(nonEmptyText, { secret: true, description: 'The password of ldap.bindDn.' }),
    base: optional(nonEmptyText, {
      description: 'The DN below which people are, such as ou=people,dc=example,dc=org.',
    }),
    userAttribute: setting(attribute, 'uid', { description: 'The attribute with the name that people type.' }),
    filter: optional(filter, { description: 'Who may sign in: those who fit this filter. Unset: everybody.' }),
    subjectAttribute: setting(attribute, 'entryUUID', {
      description:
        'The attribute that names a person for ever, and is never given to another; objectGUID in Active Directory. Their account stays theirs by it.',
    }),
    localpart: setting(template, '{uid}', { description: 'The user name of a new person.' }),
    displayName: setting(template, '{cn}', { description: "A new person's display name." }),
    email: setting(template, '{mail}', {
      description: "A new person's e-mail address, which counts as proved. Let nobody write it for themselves.",
    }),
    allowRegistration: setting(yesOrNo, true, {
      description: 'Whether people without an account get one, even where registration is closed.',
    }),
    linkExisting: setting(oneOf('never', 'localpart', 'verifiedEmail'), 'never', {
      description:
        'Whether an account that is there already becomes theirs: never; the one of the same local part; the one with the same e-mail address. The directory can then open such accounts: trust it as you trust yourself.',
    }),
    requestTimeout: setting(duration, '5s', { description: 'How long each question to the directory may take.' }),
  },
} as const

/** The provider's id, stored with every identity. */
export const LDAP_ID = 'ldap'

/** The settings that belong together, and those of other sections. */
export const refuseLdapWithoutNeeds = (
  settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  problems: { path: string; message: string }[],
): void => {
  const { ldap: own } = settings
  if (own?.url === undefined) return
  if (own.userDn === undefined && own.base === undefined) {
    problems.push({ path: 'ldap.base', message: 'expected, or ldap.userDn: how are people found?' })
  }
  if ((own.bindDn === undefined) !== (own.bindPassword === undefined)) {
    problems.push({ path: 'ldap.bindPassword', message: 'expected together with ldap.bindDn, or neither' })
  }
  const providers = settings.signIn?.providers as readonly { readonly id: string }[] | undefined
  if (providers?.some(({ id }) => id === LDAP_ID) === true) {
    problems.push({
      path: 'signIn.providers',
      message: `expected no provider with the id ${LDAP_ID}, as there is a directory`,
    })
  }
}
