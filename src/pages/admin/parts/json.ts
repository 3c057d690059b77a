import { type Html, html } from '../../html.ts'
import { id, moment, NONE } from './words.ts'

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

const MOST = 50
/** Numbers between these are times, from 2001 to 2286. */
const FIRST_TIME = 1e12
const LAST_TIME = 1e13

const wordsOf = (value: Json | undefined): Html => {
  if (value === null || value === undefined || value === '') return NONE
  if (typeof value === 'boolean') return html`${value ? 'yes' : 'no'}`
  if (typeof value === 'number') return value > FIRST_TIME && value < LAST_TIME ? moment(value) : html`${String(value)}`
  if (typeof value === 'string') return /^[@!$#]/.test(value) ? id(value) : html`${value}`
  if (!Array.isArray(value)) return id(JSON.stringify(value))
  if (value.length === 0) return html`none`
  const shown = value.slice(0, MOST).map((one) => html`${wordsOf(one)} `)
  return html`${shown}${value.length > MOST ? `and ${value.length - MOST} more` : undefined}`
}

/** The members of an object, line by line, for people who read no JSON. */
export const membersOf = (object: { readonly [name: string]: unknown }): Html => {
  const members = Object.entries(object)
  if (members.length === 0) return NONE
  return html`<ul class="members">${members.map(
    ([name, value]) => html`<li><span class="none">${name.replaceAll('_', ' ')}:</span> ${wordsOf(value as Json)}</li>`,
  )}</ul>`
}
