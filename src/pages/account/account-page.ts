import type { CustomReply } from '#http'
import type { MatrixError } from '#spec'
import { type Html, heading, html } from '../html.ts'
import { type HtmlPage, htmlReply } from '../html-page.ts'

/** These pages show what is known of one person alone. */
const HEADERS = { 'Cache-Control': 'no-store' }

export const ACCOUNT_PAGE = '/account'
export const ACCOUNT_SIGN_IN_PAGE = `${ACCOUNT_PAGE}/sign-in`
export const ACCOUNT_SIGN_OUT_PAGE = `${ACCOUNT_PAGE}/sign-out`

export interface Refusal {
  readonly status: number
  readonly text: string
}

export interface AccountPageView extends Pick<HtmlPage, 'form' | 'headers' | 'goesOnTo' | 'scripts' | 'foreign'> {
  readonly title: string
  readonly main: Html
  readonly status?: number
  /** Shown above the page's content, for a form that was refused. */
  readonly refusal?: Refusal | undefined
}

export const accountReply = ({ title, main, status, refusal, headers, ...rest }: AccountPageView): CustomReply =>
  htmlReply({
    ...rest,
    status: status ?? refusal?.status ?? 200,
    title: refusal === undefined ? title : `Error: ${title}`,
    main: html`<h1>${heading(title)}</h1>
${refusal === undefined ? undefined : html`<p class="refusal" id="refusal" role="alert">${refusal.text}</p>`}
${main}`,
    headers: { ...HEADERS, ...headers },
  })

/** The hidden field of every form. */
export const csrfField = (csrf: string): Html => html`<input type="hidden" name="csrf" value="${csrf}">`

/** Attributes that lead a screen reader from a field to the refusal. */
export const refusedField = (refusal: Refusal | undefined): Html | undefined =>
  refusal === undefined ? undefined : html` aria-invalid="true" aria-describedby="refusal"`

/** The page for a refusal by the edge, or of a form that did not come from a page of ours. */
export const accountRefusedPage = (error: MatrixError): CustomReply => {
  const title =
    error.status === 429
      ? 'Too many attempts'
      : error.status >= 500
        ? 'The server has a problem'
        : 'This cannot be done'
  return accountReply({
    title,
    status: error.status,
    main: html`<p role="alert">${/[.!?]$/.test(error.message) ? error.message : `${error.message}.`}</p>`,
  })
}

/** Sends a browser on after a form. The answer is a page, as browsers hold a form's policy against all redirects that follow the form. */
export const goOnByItself = (title: string, path: string, headers: Readonly<Record<string, string>>): CustomReply =>
  accountReply({
    title,
    goesOnTo: path,
    headers,
    main: html`<p><a class="button" href="${path}">Continue</a></p>`,
  })
