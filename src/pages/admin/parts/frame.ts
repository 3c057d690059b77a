import type { CustomReply } from '#http'
import { csrfField } from '../../form-fields.ts'
import { type Html, heading, html } from '../../html.ts'
import { htmlReply, type PageScript } from '../../html-page.ts'
import { ADMIN_STYLE } from './style.ts'

export interface Section {
  readonly path: string
  readonly title: string
}

/** Facts that are the same on all pages that an administrator sees in one visit. */
export interface Frame {
  readonly sections: readonly Section[]
  /** The path of the section that the page belongs to. */
  readonly section: string
  readonly userId: string
  /** The token that every form of the session carries. */
  readonly csrf: string
  readonly serverName: string
  /** The deed of the request that led here. */
  readonly notice?: string | undefined
}

export interface AdminPage {
  readonly title: string
  readonly main: Html
  readonly lead?: Html | string
  /** The pages above this one, besides its section. */
  readonly above?: readonly Section[]
  readonly status?: number
  /** Why the form was not accepted. */
  readonly refusal?: string | undefined
  readonly scripts?: readonly PageScript[]
  /** Seconds until the browser loads the page anew. */
  readonly refreshSeconds?: number
}

const HEADERS = { 'Cache-Control': 'no-store' }

const menu = ({ sections, section, userId, csrf }: Frame): Html => html`<ul>
${sections.map(({ path, title }) => html`<li><a href="${path}"${path === section ? html` aria-current="page"` : undefined}>${title}</a></li>\n`)}</ul>
<p class="who">Signed in as ${userId}</p>
<form method="post" action="/admin/sign-out">${csrfField(csrf)}<button class="quiet">Sign out</button></form>`

const navOf = (frame: Frame): Html => {
  const here = frame.sections.find(({ path }) => path === frame.section)
  return html`
<a class="skip" href="#content">Skip to the content</a>
<details class="menu"><summary>Menu${here === undefined ? undefined : html` · ${here.title}`}</summary><nav aria-label="Administration">${menu(frame)}</nav></details>
<nav class="side" aria-label="Administration">${menu(frame)}</nav>`
}

const crumbs = ({ sections, section }: Frame, above: readonly Section[]): Html | undefined => {
  const first = sections.find(({ path }) => path === section)
  const all = [...(first === undefined ? [] : [first]), ...above]
  return html`<p class="crumbs">${all.map(({ path, title }) => html`<a href="${path}">${title}</a> › `)}</p>\n`
}

/** A page of the administration: menu, heading, and what was done or refused. */
export const adminPage = (frame: Frame, page: AdminPage): CustomReply => {
  const { title, main, lead, above, status = 200, refusal, scripts = [], refreshSeconds } = page
  return htmlReply({
    status,
    title: `${refusal === undefined ? '' : 'Error: '}${title} – ${frame.serverName}`,
    styles: [ADMIN_STYLE],
    nav: navOf(frame),
    form: true,
    scripts,
    main: html`${above === undefined ? undefined : crumbs(frame, above)}${frame.notice === undefined ? undefined : html`<p class="notice" role="status">${frame.notice}</p>\n`}${
      refusal === undefined ? undefined : html`<p class="refusal" id="refusal" role="alert">${refusal}</p>\n`
    }<h1 id="content" tabindex="-1">${heading(title)}</h1>
${lead === undefined ? undefined : html`<p class="lead">${lead}</p>`}
${main}`,
    headers: refreshSeconds === undefined ? HEADERS : { ...HEADERS, Refresh: String(refreshSeconds) },
  })
}
