import type { CustomReply } from '#http'
import { csrfField, hiddenField } from '../form-fields.ts'
import { html } from '../html.ts'
import { ACCOUNT_APPS_PAGE, accountReply } from './account-page.ts'
import { asTime } from './own-pages.ts'

/** An app that gets into the account without a question. */
export interface ShownConsent {
  readonly name: string
  readonly app: string
  readonly givenAtMs: number
}

export interface AppsView {
  readonly csrf: string
  readonly consents: readonly ShownConsent[]
  readonly done: string | undefined
}

export const appsPage = ({ csrf, consents, done }: AppsView): CustomReply =>
  accountReply({
    title: 'Apps',
    inside: true,
    form: true,
    done,
    main: html`<p>Apps that you told not to ask again. They get into your account by themselves while you are signed in to these pages, for 90 days from then.</p>
${
  consents.length === 0
    ? html`<p>There is none: every app asks you each time.</p>`
    : html`<ul class="rows">
${consents.map(
  ({ name, app, givenAtMs }) => html`<li><strong>${app}</strong><br>
Since ${asTime(givenAtMs)}
<form method="post" action="${ACCOUNT_APPS_PAGE}/take-back">
${csrfField(csrf)}${hiddenField('name', name)}
<button type="submit" aria-label="Have it ask again: ${app}">Have it ask again</button>
</form></li>
`,
)}</ul>`
}
<p class="hint">Where such an app is signed in already it stays signed in: that is under “Devices”.</p>`,
  })
