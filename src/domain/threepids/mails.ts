import { escapedForHtml as escaped, mailPage } from '#net'

/** The purpose of proving an address; a proof for one purpose serves no other. */
export type MailPurpose = 'register' | 'password' | 'add' | 'login'

/** The means of the proof: opening a link, or copying a code into an app. */
export type TokenForm = 'link' | 'code'

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

interface Letter {
  readonly subject: string
  readonly lead: string
  readonly token?: { readonly form: TokenForm; readonly ask: string; readonly value: string }
  readonly rest: readonly string[]
}

export interface ValidationMail {
  readonly to: string
  readonly serverName: string
  readonly purpose: MailPurpose
  readonly token: { readonly form: TokenForm; readonly value: string }
  readonly lifetimeMs: number
}

/** First sentences, by purpose. No text in a mail comes from the person who asked for it. */
const LEADS: Readonly<Record<MailPurpose, (server: string) => string>> = {
  register: (server) => `Somebody, hopefully you, is making an account on ${server} with this e-mail address.`,
  password: (server) =>
    `Somebody, hopefully you, asked to set a new password for your account on ${server}, or to change it otherwise without the old one.`,
  add: (server) => `Somebody, hopefully you, wants to add this e-mail address to an account on ${server}.`,
  login: (server) => `Somebody, hopefully you, wants to log in to your account on ${server}.`,
}

const SUBJECTS: Readonly<Record<MailPurpose, (server: string) => string>> = {
  register: (server) => `Confirm your e-mail address for ${server}`,
  password: (server) => `Confirm that it is you: ${server}`,
  add: (server) => `Confirm your e-mail address for ${server}`,
  login: (server) => `Log in to ${server}`,
}

const NOT_YOU = 'If it was not you, ignore this mail: nothing happens without your confirmation.'

export const validationMail = ({ to, serverName, purpose, token, lifetimeMs }: ValidationMail): Mail => {
  const ask =
    token.form === 'link'
      ? 'To confirm that it was you, open this page:'
      : 'To confirm that it was you, enter this code in your app:'
  const what = token.form === 'link' ? 'link' : 'code'
  return written(to, {
    subject: SUBJECTS[purpose](serverName),
    lead: LEADS[purpose](serverName),
    token: { ...token, ask },
    rest: [
      `The ${what} is good for ${inWords(lifetimeMs)}. Give it to nobody else, also not to people who say that they run the server.`,
      NOT_YOU,
    ],
  })
}

/** The mail without a token, if none would help: tells the reason to the owner of the address and to nobody else. */
export const noticeMail = (to: string, serverName: string, reason: 'inUse' | 'notFound'): Mail =>
  written(
    to,
    reason === 'inUse'
      ? {
          subject: `Your e-mail address is in use on ${serverName}`,
          lead: `Somebody, hopefully you, wanted to use this e-mail address for an account on ${serverName}. It belongs to an account there already.`,
          rest: [
            'If that account is yours, log in to it. Should you have forgotten the password, your app can send you a mail to set a new one.',
            'If it was not you, ignore this mail: nothing was changed.',
          ],
        }
      : {
          subject: `No account with your e-mail address on ${serverName}`,
          lead: `Somebody, hopefully you, asked for access to an account on ${serverName} with this e-mail address. There is no such account.`,
          rest: [
            'If you have an account there, it may have another address, or none.',
            'If it was not you, ignore this mail: nothing was changed.',
          ],
        },
  )

/** The mail by which a person learns what became of their registration. `reason`: in the words of an administrator. */
export const registrationDecisionMail = ({
  to,
  serverName,
  decision,
  reason,
}: {
  readonly to: string
  readonly serverName: string
  readonly decision: 'approved' | 'refused'
  readonly reason: string | undefined
}): Mail =>
  written(
    to,
    decision === 'approved'
      ? {
          subject: `Your account on ${serverName} is ready`,
          lead: `An administrator of ${serverName} has approved your account. You can log in now.`,
          rest: [],
        }
      : {
          subject: `Your registration on ${serverName}`,
          lead: `An administrator of ${serverName} has not approved your account. It was removed.`,
          rest: reason === undefined ? [] : [`The reason: ${reason.slice(0, 500)}`],
        },
  )

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

const inWords = (ms: number): string => {
  const [name, unitMs] = UNITS.find(([, unit]) => ms >= unit && ms % unit === 0) ?? (['second', 1_000] as const)
  const count = Math.max(1, Math.round(ms / unitMs))
  return count === 1 ? `1 ${name}` : `${count} ${name}s`
}

const written = (to: string, letter: Letter): Mail => ({
  to,
  subject: letter.subject,
  text: textOf(letter),
  html: htmlOf(letter),
})

const textOf = ({ lead, token, rest }: Letter): string =>
  [lead, ...(token === undefined ? [] : [token.ask, token.value]), ...rest].join('\n\n').concat('\n')

const BUTTON =
  'display:inline-block;padding:12px 20px;border-radius:8px;background:#0b7a4b;color:#ffffff;font-weight:600;text-decoration:none'

const htmlOf = ({ subject, lead, token, rest }: Letter): string =>
  mailPage({
    ...{ language: 'en', title: subject, widthEm: 34 },
    body: `<p>${escaped(lead)}</p>
${token === undefined ? '' : tokenHtml(token)}${rest.map((text) => `<p>${escaped(text)}</p>\n`).join('')}`,
  })

const tokenHtml = ({ form, ask, value }: NonNullable<Letter['token']>): string =>
  form === 'link'
    ? `<p>${escaped(ask)}</p>
<p><a href="${escaped(value)}" style="${BUTTON}">Confirm</a></p>
<p style="overflow-wrap:anywhere">${escaped(value)}</p>
`
    : `<p>${escaped(ask)}</p>
<p style="font:600 28px/1.4 ui-monospace,monospace;letter-spacing:.15em">${escaped(value)}</p>
`
