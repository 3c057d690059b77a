import type { CustomReply } from '#http'
import type { MatrixError } from '#spec'
import { type Html, heading, html } from '../html.ts'
import { type HtmlPage, htmlReply, PageStyle } from '../html-page.ts'

/** The pages show what is known of one person alone. */
const HEADERS = { 'Cache-Control': 'no-store' }

export const ACCOUNT_PAGE = '/account'
export const ACCOUNT_SIGN_IN_PAGE = `${ACCOUNT_PAGE}/sign-in`
export const ACCOUNT_SIGN_OUT_PAGE = `${ACCOUNT_PAGE}/sign-out`
export const ACCOUNT_PROFILE_PAGE = `${ACCOUNT_PAGE}/profile`
export const ACCOUNT_PASSWORD_PAGE = `${ACCOUNT_PAGE}/password`
export const ACCOUNT_EMAILS_PAGE = `${ACCOUNT_PAGE}/emails`
export const ACCOUNT_DEVICES_PAGE = `${ACCOUNT_PAGE}/devices`
export const ACCOUNT_APPS_PAGE = `${ACCOUNT_PAGE}/apps`
export const ACCOUNT_PROVIDERS_PAGE = `${ACCOUNT_PAGE}/providers`
export const ACCOUNT_RESET_PAGE = `${ACCOUNT_PAGE}/reset-identity`
export const ACCOUNT_CLOSE_PAGE = `${ACCOUNT_PAGE}/close`

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
  /** Shown there for a form that did what it should. */
  readonly done?: string | undefined
  /** Whether a link leads back to the first page of the account. */
  readonly inside?: boolean
}

const STYLE = new PageStyle(`
.back { display: inline-block; padding: .25rem 0; }
.done { margin: 1.25rem 0 0; padding: .75rem 1rem; border-left: 4px solid var(--accent); border-radius: .25rem; background: var(--ground); }
.rows { padding: 0; list-style: none; }
.rows > li { margin: 0; padding: 1rem 0; border-top: 1px solid var(--line); }
.rows > li:first-child { border-top: 0; }
.rows form { margin: 0; }
.rows button, .quiet { background: var(--ground); color: var(--ink); border: 1px solid var(--edge); margin-top: .75rem; }
.rows a.more { display: block; padding: .25rem 0; font-weight: 600; }
.grave { background: var(--red); color: var(--card); }
dl { margin: 1rem 0; }
dt { margin-top: .75rem; color: var(--soft); font-size: .875rem; }
dd { margin: 0; overflow-wrap: anywhere; }
`)

export const accountReply = (view: AccountPageView): CustomReply => {
  const { title, main, status, refusal, done, inside = false, headers, ...rest } = view
  return htmlReply({
    ...rest,
    status: status ?? refusal?.status ?? 200,
    title: refusal === undefined ? title : `Error: ${title}`,
    main: html`${inside ? html`<a class="back" href="${ACCOUNT_PAGE}">Your account</a>\n` : undefined}<h1>${heading(title)}</h1>
${refusal === undefined ? undefined : html`<p class="refusal" id="refusal" role="alert">${refusal.text}</p>`}${done === undefined ? undefined : html`<p class="done" role="status">${done}</p>`}
${main}`,
    styles: [STYLE],
    headers: { ...HEADERS, ...headers },
  })
}

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
