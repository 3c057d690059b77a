import type { CustomReply } from '#http'
import { accountReply, type Refusal, refusedField } from '../account/account-page.ts'
import { html } from '../html.ts'

export interface DeviceCodeView {
  readonly action: string
  readonly userId: string
  readonly code: string
  readonly refusal: Refusal | undefined
}

/** Asks for the code that a device shows. */
export const deviceCodePage = ({ action, userId, code, refusal }: DeviceCodeView): CustomReply =>
  accountReply({
    title: 'Sign in a device',
    form: true,
    refusal,
    main: html`<p>A device that is to use your account <strong>${userId}</strong> shows a code. Type it here only if the device is yours and you see it before you.</p>
<form method="get" action="${action}">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="${code}" maxlength="32" required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false"${refusedField(refusal)}>
<button type="submit">Continue</button>
</form>`,
  })

/** After the decision; the device learns of it by itself. */
export const decidedPage = (allowed: boolean): CustomReply =>
  accountReply({
    title: allowed ? 'Your device is let in' : 'The device is not let in',
    main: html`<p>${allowed ? 'It goes on by itself in a few seconds. You may close this window.' : 'Nothing of your account was given away. You may close this window.'}</p>`,
  })

export const WRONG_CODE: Refusal = {
  status: 404,
  text: 'No device waits with this code. Codes are good for a quarter of an hour, and once.',
}
