import type { MailUnsubscribe } from '#domain'
import { type AnyEndpoint, endpoint } from '#http'
import { cannotConfirmPage, type Notice, unsubscribedPage, unsubscribePage } from '#pages'
import { mailLinkPage } from './mail-links.ts'

export interface UnsubscribePageDeps {
  /** undefined: this server mails no notifications. */
  readonly mailUnsubscribe: Pick<MailUnsubscribe, 'addressOf' | 'end'> | undefined
}

/** The path of links that end mails of notifications. Reverse proxies must let it through. */
export const UNSUBSCRIBE_PAGE = '/_homeroom/email/unsubscribe'

const WRONG: Notice = {
  status: 403,
  title: 'This link is not right',
  text: 'It may not have been copied as a whole. Open the link of the last mail, or switch mails off in the settings of your app.',
}

const DECLARED = mailLinkPage(UNSUBSCRIBE_PAGE)

/** The page on which people end mails of notifications. A `GET` changes nothing, as programs that look into mails open links; mail programs post by themselves (RFC 8058). */
export const unsubscribePageEndpoints = ({ mailUnsubscribe }: UnsubscribePageDeps): readonly AnyEndpoint[] => [
  endpoint({
    ...DECLARED,
    method: 'GET',
    handler: async ({ query: { token = '' } }) => {
      const address = await mailUnsubscribe?.addressOf(token)
      if (mailUnsubscribe === undefined || address === false) return cannotConfirmPage(WRONG)
      return address === undefined ? unsubscribedPage() : unsubscribePage(address)
    },
  }),
  endpoint({
    ...DECLARED,
    method: 'POST',
    body: 'form',
    handler: async ({ query: { token = '' } }) =>
      (await mailUnsubscribe?.end(token)) === true ? unsubscribedPage() : cannotConfirmPage(WRONG),
  }),
]
