import { csrfField, hiddenField } from '../../form-fields.ts'
import { type Html, html } from '../../html.ts'

export interface Field {
  readonly name: string
  readonly label: string
  readonly kind?: 'text' | 'password' | 'number' | 'datetime-local' | 'checkbox' | 'textarea' | 'search'
  readonly value?: string | undefined
  readonly checked?: boolean
  readonly hint?: string
  readonly required?: boolean
  readonly maxLength?: number
  /** `off`, or what a browser may fill in. */
  readonly autocomplete?: string
  readonly choices?: readonly Choice[]
}

export interface Choice {
  readonly value: string
  readonly title: string
}

const chosen = (choices: readonly Choice[], value: string | undefined): Html =>
  html`${choices.map((choice) => html`<option value="${choice.value}"${choice.value === value ? html` selected` : undefined}>${choice.title}</option>`)}`

/** A field with its label and what to know about it. */
export const field = (view: Field): Html => {
  const { name, label, kind = 'text', value = '', hint, required = false, maxLength = 1_000, choices } = view
  const { autocomplete = 'off', checked = false } = view
  const at = `f-${name}`
  const told = hint === undefined ? undefined : html` aria-describedby="${at}-hint"`
  const must = required ? html` required` : undefined
  const hinted = hint === undefined ? undefined : html`<p class="hint" id="${at}-hint">${hint}</p>`
  if (choices !== undefined)
    return html`<label for="${at}">${label}</label><select id="${at}" name="${name}"${told}>${chosen(choices, value)}</select>${hinted}`
  if (kind === 'checkbox')
    return html`<label class="choice" for="${at}"><input type="checkbox" id="${at}" name="${name}" value="yes"${checked ? html` checked` : undefined}${must}${told}><span>${label}</span></label>${hinted}`
  if (kind === 'textarea')
    return html`<label for="${at}">${label}</label><textarea id="${at}" name="${name}" maxlength="${String(maxLength)}"${must}${told}>${value}</textarea>${hinted}`
  return html`<label for="${at}">${label}</label><input type="${kind}" id="${at}" name="${name}" value="${value}" maxlength="${String(maxLength)}" autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false"${must}${told}>${hinted}`
}

export interface PostForm {
  readonly action: string
  readonly csrf: string
  readonly button: string
  /** `final`: it cannot be undone, and is the deed of a page of its own. */
  readonly look?: 'plain' | 'quiet' | 'danger' | 'final'
  readonly fields?: Html
  /** Fields that nobody sees. */
  readonly hidden?: Readonly<Record<string, string>>
  readonly inline?: boolean
  /** The subject of the button, for those who do not see the row that it stands in. */
  readonly about?: string
}

/** A form that changes something: it is posted with the session's token. */
export const postForm = (view: PostForm): Html => {
  const { action, csrf, button, look = 'plain', fields, hidden = {}, inline = false, about } = view
  return html`<form method="post" action="${action}"${inline ? html` class="inline"` : undefined}>${csrfField(csrf)}${Object.entries(
    hidden,
  ).map(([name, value]) => hiddenField(name, value))}${fields}<button class="${look}">${button}${
    about === undefined ? undefined : html`<span class="unseen"> ${about}</span>`
  }</button></form>`
}

/** The same for a deed that has a page of its own, where it is explained and confirmed. */
export const deedLink = (href: string, text: string, look: 'quiet' | 'danger' = 'quiet'): Html =>
  html`<a class="button ${look}" href="${href}">${text}</a>`

export const deeds = (...all: readonly (Html | undefined)[]): Html => {
  const there = all.filter((one) => one !== undefined)
  return html`<div class="deeds">${there}</div>`
}
