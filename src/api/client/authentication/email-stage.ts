import {
  EMAIL_STAGE,
  type EmailValidations,
  type InteractiveAuth,
  type OwnMail,
  purposeOf,
  type ValidationMails,
} from '#domain'
import type { CustomReply, FormFields } from '#http'
import { type Asking, addressPage, codePage, noticePage, sentence } from '#pages'
import { MatrixError } from '#spec'
import { deedOf, UNEXPECTED } from './operation-words.ts'
import { attemptStage } from './stage-attempt.ts'

interface Turn {
  readonly session: string
  readonly operation: string
  readonly fields: FormFields
  readonly ip: string
}

const MAX_ATTEMPT = 1_000
const WRONG_CODE = 'This is not the code of the mail, or it is too old. After many wrong ones only another mail helps.'

/**
 * The fallback page of `m.login.email.identity`, for clients that cannot do the stage: this server sends a code, and takes it on the same page.
 * No state is kept between the pages: the session's id serves as the client secret of the validation, as it is as secret.
 */
export class EmailStagePages {
  readonly #uia: InteractiveAuth
  readonly #ownMail: OwnMail | undefined

  constructor(uia: InteractiveAuth, ownMail: OwnMail | undefined) {
    this.#uia = uia
    this.#ownMail = ownMail
  }

  begin(operation: string, email = ''): CustomReply {
    if (this.#ownMail !== undefined) return addressPage(email, askingFor(operation))
    return noticePage({
      status: 501,
      title: 'This cannot be done here',
      text: 'This server sends no mails itself. An app that knows identity servers can do this step.',
    })
  }

  /** Takes a posted form and returns the next page; undefined: the stage is passed. Throws errors that the person cannot mend. */
  async continue(turn: Turn): Promise<CustomReply | undefined> {
    const { fields } = turn
    if (this.#ownMail === undefined || fields.get('other') !== undefined) return this.begin(turn.operation)
    const email = fields.get('email')?.trim() ?? ''
    const code = fields.get('code')
    if (email === '') {
      return addressPage('', askingFor(turn.operation), { status: 400, text: 'Enter your e-mail address.' })
    }
    if (code === undefined) return this.#send(this.#ownMail.mails, turn, email)
    return this.#check(this.#ownMail.validations, turn, email, code)
  }

  async #send(mails: ValidationMails, turn: Turn, email: string): Promise<CustomReply> {
    const { session, operation, fields, ip } = turn
    const before = attemptIn(fields)
    const attempt = Math.min(before + 1, MAX_ATTEMPT)
    const purpose = purposeOf(operation)
    try {
      const request = {
        address: email,
        clientSecret: session,
        sendAttempt: attempt,
        purpose,
        form: 'code',
        ip,
      } as const
      const { sid } = await mails.request(request)
      return codePage({ email, sid, attempt })
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      const refused = { status: error.status, text: sentence(error.message) }
      const sid = fields.get('sid')
      return sid === undefined
        ? addressPage(email, askingFor(operation), refused)
        : codePage({ email, sid, attempt: before }, refused)
    }
  }

  async #check(emails: EmailValidations, turn: Turn, email: string, code: string): Promise<CustomReply | undefined> {
    const { session, fields, ip } = turn
    const sid = fields.get('sid') ?? ''
    const again = (status: number, text: string) =>
      codePage({ email, sid, attempt: attemptIn(fields) }, { status, text })
    if (!(await emails.submit(sid, session, code))) return again(403, WRONG_CODE)
    const auth = { threepid_creds: { sid, client_secret: session } }
    const refused = await attemptStage(this.#uia, session, EMAIL_STAGE, auth, ip)
    return refused === undefined ? undefined : again(refused.status, refused.text)
  }
}

const askingFor = (operation: string): Asking => ({ deed: deedOf(operation), warning: UNEXPECTED })

const attemptIn = (fields: FormFields): number => {
  const text = fields.get('attempt') ?? ''
  return /^\d{1,4}$/.test(text) ? Number(text) : 0
}
