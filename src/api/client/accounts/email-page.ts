import { Type } from 'typebox'
import type { MailPurpose, OwnMail } from '#domain'
import { type AnyEndpoint, CustomReply, endpoint, none } from '#http'
import { addressConfirmedPage, cannotConfirmPage, confirmAddressPage, type Notice } from '#pages'
import type { MatrixError } from '#spec'

export interface EmailPageDeps {
  /** undefined: this server sends no mail. */
  readonly ownMail: OwnMail | undefined
  /** The links whose page has a button to press. */
  readonly confirmByButton: 'always' | 'passwordReset'
}

/** The path of links in mails. Reverse proxies must let it through. */
export const EMAIL_PAGE = '/_homeroom/email/validate'

const Query = Type.Object({
  sid: Type.Optional(Type.String({ maxLength: 255 })),
  token: Type.Optional(Type.String({ maxLength: 255 })),
})

const GONE: Notice = {
  status: 404,
  title: 'This link has expired',
  text: 'It is too old, or it was used before. Go back to your app and ask for another mail.',
}
const WRONG: Notice = {
  status: 403,
  title: 'This link is not right',
  text: 'It may not have been copied as a whole, or there is a newer mail. Open the link of the last mail, or ask for another one in your app.',
}

const refusedByEdge = (error: MatrixError): CustomReply =>
  cannotConfirmPage({
    status: error.status,
    title: error.status === 429 ? 'Too many attempts' : 'This cannot be done',
    text: error.status === 429 ? 'Wait a minute, then open the link again.' : 'Something went wrong. Try again later.',
  })

/** Whether the link gives access to an account. The specification does not say what a link does. */
const OPENS_ACCOUNT: Readonly<Record<MailPurpose, boolean>> = {
  register: false,
  add: false,
  password: true,
  login: true,
}

/** The page on which people prove that they read the mail of an address. It is not in the specification. */
export const emailPageEndpoints = ({ ownMail, confirmByButton }: EmailPageDeps): readonly AnyEndpoint[] => {
  const confirmed = async (sid: string, token: string): Promise<CustomReply> => {
    const state = await ownMail?.validations.confirm(sid, token)
    if (state === undefined || state.kind === 'gone') return cannotConfirmPage(GONE)
    return state.kind === 'wrong' ? cannotConfirmPage(WRONG) : done(state.address, state.nextLink)
  }
  const done = (address: string, nextLink: string | undefined): CustomReply =>
    nextLink === undefined
      ? addressConfirmedPage(address)
      : new CustomReply({
          status: 302,
          headers: { Location: nextLink, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
          body: '',
        })
  return [
    endpoint({
      method: 'GET',
      acts: true,
      paths: [EMAIL_PAGE],
      auth: none(),
      rateLimit: 'other',
      query: Query,
      errorPage: refusedByEdge,
      handler: async ({ query: { sid, token } }) => {
        if (sid === undefined || token === undefined) return cannotConfirmPage(GONE)
        const state = await ownMail?.validations.link(sid)
        if (state === undefined || state.kind === 'gone') return cannotConfirmPage(GONE)
        if (state.kind === 'validated') return addressConfirmedPage(state.address)
        const asks = confirmByButton === 'always' || OPENS_ACCOUNT[state.purpose]
        return asks ? confirmAddressPage(state) : confirmed(sid, token)
      },
    }),
    endpoint({
      method: 'POST',
      paths: [EMAIL_PAGE],
      auth: none(),
      rateLimit: 'login',
      query: Query,
      body: 'form',
      errorPage: refusedByEdge,
      handler: async ({ query: { sid, token } }) =>
        sid === undefined || token === undefined ? cannotConfirmPage(GONE) : confirmed(sid, token),
    }),
  ]
}
