import { type Html, html } from './html.ts'

export const hiddenField = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}">`

/** The hidden field that says that a page of ours sent the form; `CSRF_FIELD` of the domain has its name. */
export const csrfField = (csrf: string): Html => hiddenField('csrf', csrf)
