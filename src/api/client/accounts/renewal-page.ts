import type { Clock } from '#base'
import type { RenewalState, Renewals } from '#domain'
import { type AnyEndpoint, endpoint } from '#http'
import { cannotConfirmPage, type Notice, renewedPage, renewPage } from '#pages'
import { mailLinkPage } from './mail-links.ts'

export interface RenewalPageDeps {
  /** undefined: this server sends no mails about accounts that end. */
  readonly renewals: Pick<Renewals, 'stateOf' | 'renew'> | undefined
  readonly clock: Pick<Clock, 'nowMs'>
}

/** The path of links that renew an account. Reverse proxies must let it through. */
export const RENEWAL_PAGE = '/_homeroom/email/renew'

const WRONG: Notice = {
  status: 403,
  title: 'This link is not right',
  text: 'It may not have been copied as a whole, or the account is closed. Open the link of the last mail, or ask whoever runs this server.',
}

/** The page on which people renew their account by the link in a mail. A `GET` changes nothing, as programs that look into mails open links. */
export const renewalPageEndpoints = ({ renewals, clock }: RenewalPageDeps): readonly AnyEndpoint[] => {
  const page = (state: RenewalState | undefined) => {
    if (state === undefined || state.kind === 'wrong') return cannotConfirmPage(WRONG)
    if (state.kind === 'ready') return renewPage({ ...state, isOver: state.endsAtMs <= clock.nowMs() })
    return renewedPage(state.userId, state.endsAtMs)
  }
  const declared = mailLinkPage(RENEWAL_PAGE)
  return [
    endpoint({
      ...declared,
      method: 'GET',
      handler: async ({ query: { token = '' } }) => page(await renewals?.stateOf(token)),
    }),
    endpoint({
      ...declared,
      method: 'POST',
      body: 'form',
      handler: async ({ query: { token = '' } }) => page(await renewals?.renew(token)),
    }),
  ]
}
