import {
  duration,
  host,
  integer,
  type Kind,
  list,
  nonEmptyText,
  oneOf,
  port,
  serverPattern,
  yesOrNo,
} from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export interface Mailbox {
  readonly name: string | undefined
  readonly address: string
}

const MAILBOX =
  /^(?:"?([^"<>\p{C}]{1,100}?)"?\s+<([^\s<>"(),:;\p{C}]+@[0-9A-Za-z.-]+)>|([^\s<>"(),:;\p{C}]+@[0-9A-Za-z.-]+))$/u

const mailbox: Kind<Mailbox> = {
  expects: 'an e-mail address such as noreply@example.org or Example <noreply@example.org>',
  parse: (raw) => {
    const match = typeof raw === 'string' ? MAILBOX.exec(raw.trim()) : null
    const address = match?.[2] ?? match?.[3]
    return address === undefined ? undefined : { name: match?.[1], address }
  },
}

export const mail = {
  title: 'E-mail: with it people prove their addresses, and set forgotten passwords anew',
  settings: {
    smtpHost: optional(host, {
      description:
        'The mail server that takes mail from this one. Unset: no mail is sent, and there is no way that needs it. Set, it needs mail.from and server.publicBaseUrl.',
    }),
    smtpPort: optional(port, { description: 'Its port. Unset: 587, with security tls 465, with security none 25.' }),
    security: setting(oneOf('starttls', 'tls', 'none'), 'starttls', {
      description:
        'starttls: encrypted before anything is said; tls: from the first byte; none: not at all, for a mail server on this machine.',
    }),
    user: optional(nonEmptyText, { description: 'The name to sign in with at the mail server.' }),
    password: optional(nonEmptyText, { secret: true, description: 'The password of mail.user.' }),
    from: optional(mailbox, { description: 'The sender, such as Example <noreply@example.org>.' }),
    timeout: setting(duration, '20s', {
      description: 'How long the mail server may take to accept one mail. The client that asked for it waits.',
    }),
    tokenLifetime: setting(duration, '1h', {
      description:
        'How long the link or the code in a mail is good, and then how long it may take to use what it proved.',
    }),
    resendInterval: setting(duration, '30s', { description: 'How soon the same mail may be asked for again.' }),
    confirmByButton: setting(oneOf('always', 'passwordReset'), 'always', {
      description:
        'Whether people press a button on the page that a link leads to. passwordReset: only where the link gives access to an account; a new address counts as proved as soon as its link is opened, by whomever, and programs that look into mails open links.',
    }),
    nextLinkHosts: setting(list(host), [], {
      description:
        'Hosts to whose pages a client may send people once their address is confirmed, with the port where it is not the usual one. Empty: any.',
    }),
    notifications: setting(yesOrNo, true, {
      description:
        'Whether people may have what they have not read mailed to a proved address of theirs: pushers of kind email. Needs mail.smtpHost.',
    }),
    notificationDelay: setting(duration, '10m', {
      description:
        'How long what is unread waits for its reader before it is mailed. It is also how soon a room may be mailed again; six times longer each time that nobody reads it.',
    }),
    notificationLongestDelay: setting(duration, '24h', {
      description: 'The longest that a room which nobody reads waits for its next mail.',
    }),
    notificationsPerDay: setting(integer(1, 1_000, 'mails'), 20, {
      description: 'Mails of notifications to one address in one day (UTC).',
    }),
    addressDomains: setting(list(serverPattern), [], {
      description:
        'Domains of which e-mail addresses are taken, where a star stands for any characters and a question mark for one: example.org, *.example.org. Empty: all.',
    }),
    deniedAddressDomains: setting(list(serverPattern), [], {
      description: 'Domains of which none are taken, written in the same way, even where addressDomains has them.',
    }),
    tellWhetherInUse: setting(yesOrNo, false, {
      description:
        'Whether clients are told at once that an address belongs to an account here, or to none. Otherwise the mail says so, which only its owner reads.',
    }),
  },
} as const
