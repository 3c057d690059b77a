import type { CustomReply } from '#http'
import type { MatrixError } from '#spec'
import { type Html, heading, html } from './html.ts'
import { type HtmlPage, htmlReply, PageScript } from './html-page.ts'
import type { StageForm } from './stage-forms.ts'

/** No cache may keep these pages, as their address holds the session's id. */
const HEADERS = { 'Cache-Control': 'no-store' }

/** The script of "Fallback". */
const DONE_SCRIPT = new PageScript(`
if (window.onAuthDone) {
  window.onAuthDone();
} else if (window.opener && window.opener.postMessage) {
  window.opener.postMessage("authDone", "*");
}
`)

/** The page for registration shows these pages in a frame, and sees by `data-stage` that a stage is done. */
const page = (draft: HtmlPage): CustomReply =>
  htmlReply({ ...draft, framed: true, headers: { ...HEADERS, ...draft.headers } })

/** The page of a stage that is passed: the script tells the client. */
export const donePage = (): CustomReply =>
  page({
    status: 200,
    title: 'Done',
    main: html`<div role="status" aria-live="polite" data-stage="done">
<p class="state">Done</p>
<h1>This step is complete</h1>
<p>You can close this window and go on in your app.</p>
</div>`,
    scripts: [DONE_SCRIPT],
  })

export interface Notice {
  readonly status: number
  readonly title: string
  readonly text: string
}

export const noticePage = ({ status, title, text }: Notice): CustomReply =>
  page({
    status,
    title,
    main: html`<h1>${heading(title)}</h1>
<p role="alert">${text}</p>`,
  })

/** The page for a refusal by the edge. */
export const refusedPage = (error: MatrixError): CustomReply =>
  noticePage({ status: error.status, title: titleOf(error.status), text: sentence(error.message) })

const titleOf = (status: number): string => {
  if (status === 429) return 'Too many attempts'
  return status >= 500 ? 'The server has a problem' : 'This cannot be done'
}

export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

export interface FormView {
  readonly form: Pick<StageForm, 'title' | 'lead' | 'button' | 'scripts'>
  readonly status: number
  readonly refusal: string | undefined
  readonly content: Html | undefined
  readonly warning?: string | undefined
  readonly after?: Html
}

/** The form of a stage. It posts to its own address, which holds the session's id; no cookies are involved. */
export const stagePage = (
  { form, status, refusal, content, warning, after }: FormView,
  foreign?: HtmlPage['foreign'],
): CustomReply =>
  page({
    status,
    title: refusal === undefined ? form.title : `Error: ${form.title}`,
    form: true,
    main: html`<h1>${heading(form.title)}</h1>
<p>${form.lead}</p>
${warning === undefined ? undefined : html`<p>${warning}</p>`}
${refusal === undefined ? undefined : html`<p class="refusal" id="refusal" role="alert">${refusal}</p>`}
<form method="post">
${content}
<button type="submit"${content === undefined ? html` autofocus` : undefined}>${form.button}</button>
</form>
${after}`,
    ...(form.scripts === undefined ? {} : { scripts: form.scripts }),
    // The maker of the captcha needs the site, and gets no more than its origin.
    ...(foreign === undefined ? {} : { foreign, headers: { 'Referrer-Policy': 'strict-origin' } }),
  })

/** The sources that a captcha's script needs in the policy. The script of reCAPTCHA loads more from two further places. */
export const captchaSources = (script: string): NonNullable<HtmlPage['foreign']> => {
  const folder = new URL('.', script).href
  const isGoogle = /^https:\/\/www\.(?:google\.com|recaptcha\.net)\/recaptcha\/$/.test(folder)
  return {
    script,
    scriptSources: isGoogle ? [folder, 'https://www.gstatic.com/recaptcha/'] : [folder],
    frameSources: isGoogle ? [folder, 'https://recaptcha.google.com/recaptcha/'] : [folder],
  }
}
