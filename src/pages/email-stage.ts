import type { CustomReply } from '#http'
import { stagePage } from './auth-fallback.ts'
import { html } from './html.ts'

interface Refused {
  readonly text: string
  readonly status: number
}

const marks = (refused: Refused | undefined) =>
  refused === undefined ? undefined : html` aria-invalid="true" aria-describedby="refusal"`

export interface Asking {
  /** The operation: completes "An app wants to …". */
  readonly deed: string
  readonly warning: string
}

export const addressPage = (email: string, { deed, warning }: Asking, refused?: Refused): CustomReply =>
  stagePage({
    form: {
      title: 'Your e-mail address',
      lead: `An app wants to ${deed}. We send a code to your address, to see that it is yours.`,
      button: 'Send me the code',
    },
    warning,
    status: refused?.status ?? 200,
    refusal: refused?.text,
    content: html`<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${email}" maxlength="254" required autofocus autocomplete="email" autocapitalize="none" spellcheck="false"${marks(refused)}>`,
  })

export interface SentMail {
  readonly email: string
  readonly sid: string
  readonly attempt: number
}

/** The second page of the stage, for the code in the mail. */
export const codePage = ({ email, sid, attempt }: SentMail, refused?: Refused): CustomReply => {
  const hidden = html`<input type="hidden" name="email" value="${email}">
<input type="hidden" name="sid" value="${sid}">
<input type="hidden" name="attempt" value="${String(attempt)}">`
  return stagePage({
    form: {
      title: 'Enter the code',
      lead: `We sent a mail to ${email}. It may take a minute to arrive.`,
      button: 'Continue',
    },
    status: refused?.status ?? 200,
    refusal: refused?.text,
    content: html`${hidden}
<label for="code">The code in the mail</label>
<input id="code" name="code" maxlength="64" required autofocus autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"${marks(refused)}>`,
    after: html`<form method="post" class="choices">
${hidden}
<button type="submit" class="button" name="again" value="yes">Send another mail</button>
</form>
<form method="post" class="choices">
<button type="submit" class="button" name="other" value="yes">Use another address</button>
</form>`,
  })
}
