import { Chore, type Clock, type Logger, momentText } from '#base'
import { escapedForHtml as escaped, type MailOutcome, mailPage, type OutgoingMail } from '#net'
import type { AccountEnd, AccountEndsReader, AccountEndsWriter, Commit, ThirdPartyIdsReader } from '#store'
import type { Renewals } from './renewals.ts'

export interface RenewalMailsParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly store: {
    readonly ends: Pick<AccountEndsReader, 'untoldEnds'>
    readonly addresses: Pick<ThirdPartyIdsReader, 'ofUser'>
    readonly writer: Pick<AccountEndsWriter, 'told'>
    readonly commit: Commit
  }
  readonly renewals: Pick<Renewals, 'urlOf'>
  readonly mailer: { send(mail: OutgoingMail): Promise<MailOutcome> }
  readonly serverName: string
  /** How long before its end a person is told. */
  readonly aheadMs: number
}

/** Unlike the time of any other work, so that they do not always come together. */
const EVERY_MS = 607_000
const AT_ONCE = 20
/** An end that nobody could be told of in time is told of afterwards, as the link still renews the account. */
const LATE_MS = 30 * 24 * 3_600_000
/** The addresses of one person that get a mail; any others get none. */
const MOST_ADDRESSES = 5

/**
 * Tells people by mail that their account ends. That they were told is stored with the account once the mail server has taken the mail, so a restart loses
 * no mail; one that was taken in the moment of a stop comes twice.
 */
export const renewalMails = (parts: RenewalMailsParts): Chore => {
  const { clock, logger, store, aheadMs } = parts
  return new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'mails about accounts that end could not be sent; tried again in ten minutes',
    round: async (chore) => {
      let after: AccountEnd | undefined
      await chore.inPieces(async () => {
        const nowMs = clock.nowMs()
        const page = { fromMs: nowMs - LATE_MS, toMs: nowMs + aheadMs, after, limit: AT_ONCE }
        const ends = await store.ends.untoldEnds(page)
        after = ends.at(-1)
        for (const end of ends) {
          if (chore.stopped) return false
          // Behind a mail server that takes nothing the others of the round wait too.
          if (!(await tell(parts, end))) return false
        }
        return ends.length === AT_ONCE
      })
    },
  })
}

/** Sends the mail to the addresses of the person. false: the mail server has a problem, and the mail is tried again. */
const tell = async ({ store, mailer, renewals, serverName }: RenewalMailsParts, end: AccountEnd): Promise<boolean> => {
  const all = await store.addresses.ofUser(end.user)
  const addresses = all.filter(({ medium }) => medium === 'email').slice(0, MOST_ADDRESSES)
  const outcomes: MailOutcome[] = []
  for (const { address } of addresses)
    outcomes.push(await mailer.send(mailAbout(end, { to: address, url: renewals.urlOf(end), serverName })))
  if (!outcomes.includes('sent') && outcomes.includes('failed')) return false
  // Where each address was refused, nobody reads a further mail either.
  await store.commit([store.writer.told(end)])
  return true
}

const mailAbout = (
  { userId, expiresAtMs }: AccountEnd,
  { to, url, serverName }: { readonly to: string; readonly url: string; readonly serverName: string },
): OutgoingMail => {
  const day = momentText(expiresAtMs, { language: 'en-GB', dateStyle: 'long' })
  const subject = `Your account on ${serverName} ends on ${day}`
  const lead = `Your account ${userId} is valid until ${day}. After that you can do nothing with it but log out, until it is renewed. Nothing of it is lost.`
  const ask = 'To go on using it, open this page and renew it:'
  const once = 'The link is good once. Whoever has it can renew the account, and do nothing else.'
  return {
    to,
    subject,
    text: `${lead}\n\n${ask}\n\n${url}\n\n${once}\n`,
    html: mailPage({
      ...{ language: 'en', title: subject, widthEm: 38 },
      body: `<p>${escaped(lead)}</p>
<p>${escaped(ask)}</p>
<p><a href="${escaped(url)}">Renew the account</a></p>
<p>${escaped(once)}</p>
`,
    }),
  }
}
