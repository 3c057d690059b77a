import type { BrowserSession, ManageThirdPartyIds, OwnMail } from '#domain'
import type { AnyEndpoint } from '#http'
import { ACCOUNT_EMAILS_PAGE, emailCodePage, emailsPage, type Refusal } from '#pages'
import { isJsonObject, MatrixError, stringAt } from '#spec'
import { seeOther } from './browser-gate.ts'
import { type OwnPages, orRefused } from './own-pages.ts'

export interface OwnEmailsDeps {
  readonly thirdPartyIds: Pick<ManageThirdPartyIds, 'list' | 'add' | 'remove'>
  /** undefined: this server sends no mail. */
  readonly ownMail: OwnMail | undefined
  /** Makes a text that nobody can guess. */
  readonly newSecret: () => string
}

const RECENT = { recent: true } as const
const WRONG_CODE = 'This is not the code of the mail, or it is too old. After many wrong ones only another mail helps'
const DONE: ReadonlyMap<string, string> = new Map([
  ['added', 'The address is added.'],
  ['removed', 'The address is removed.'],
])

/** The addresses of an account: shown, added by a mail with a code, removed. */
export const ownEmailsEndpoints = (deps: OwnEmailsDeps, ownPages: OwnPages): readonly AnyEndpoint[] => {
  const { thirdPartyIds, ownMail, newSecret } = deps
  const show = async (
    session: BrowserSession,
    more: { readonly refusal?: Refusal; readonly done?: string | undefined; readonly email?: string } = {},
  ) => {
    const { threepids } = await thirdPartyIds.list(session)
    const addresses = (Array.isArray(threepids) ? threepids : []).flatMap((one) => {
      const [medium, address] = isJsonObject(one) ? [stringAt(one, 'medium'), stringAt(one, 'address')] : []
      return medium === undefined || address === undefined ? [] : [{ medium, address }]
    })
    return emailsPage({ ...session, addresses, adds: ownMail !== undefined, email: more.email ?? '', ...more })
  }
  return [
    ownPages.page(
      ACCOUNT_EMAILS_PAGE,
      ({ session, query }) => show(session, { done: DONE.get(query.done ?? '') }),
      RECENT,
    ),
    ownPages.form(
      ACCOUNT_EMAILS_PAGE,
      ACCOUNT_EMAILS_PAGE,
      ({ session, fields, ip }) => {
        const email = fields.get('email')?.trim() ?? ''
        return orRefused(
          async () => {
            if (ownMail === undefined) throw new MatrixError('M_FORBIDDEN', 'This server sends no mails')
            const secret = newSecret()
            const asked = {
              address: email,
              clientSecret: secret,
              sendAttempt: 1,
              purpose: 'add',
              form: 'code',
              ip,
            } as const
            const { sid } = await ownMail.mails.request(asked)
            return emailCodePage({ ...session, email, sid, secret })
          },
          (refusal) => show(session, { refusal, email }),
        )
      },
      RECENT,
    ),
    confirmEndpoint(deps, ownPages),
    ownPages.form(
      `${ACCOUNT_EMAILS_PAGE}/remove`,
      ACCOUNT_EMAILS_PAGE,
      ({ session, fields }) =>
        orRefused(
          async () => {
            const [medium = '', address = ''] = [fields.get('medium'), fields.get('address')]
            await thirdPartyIds.remove(session, { medium, address, idServer: undefined })
            return seeOther(`${ACCOUNT_EMAILS_PAGE}?done=removed`)
          },
          (refusal) => show(session, { refusal }),
        ),
      RECENT,
    ),
  ]
}

/** Takes the code of a mail. */
const confirmEndpoint = ({ thirdPartyIds, ownMail }: OwnEmailsDeps, ownPages: OwnPages): AnyEndpoint =>
  ownPages.form(
    `${ACCOUNT_EMAILS_PAGE}/confirm`,
    ACCOUNT_EMAILS_PAGE,
    ({ session, fields }) => {
      const [email = '', sid = '', secret = ''] = ['email', 'sid', 'secret'].map((name) => fields.get(name))
      return orRefused(
        async () => {
          const fits = await ownMail?.validations.submit(sid, secret, fields.get('code') ?? '')
          if (fits !== true) throw new MatrixError('M_FORBIDDEN', WRONG_CODE)
          await thirdPartyIds.add(session, { sid, clientSecret: secret })
          return seeOther(`${ACCOUNT_EMAILS_PAGE}?done=added`)
        },
        (refusal) => emailCodePage({ ...session, email, sid, secret, refusal }),
      )
    },
    { ...RECENT, rateLimit: 'login' },
  )
