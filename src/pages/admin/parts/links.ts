import { type Html, html } from '../../html.ts'
import { id, link, NONE } from './words.ts'

const at = (...members: readonly string[]): string => members.map((member) => encodeURIComponent(member)).join('/')

/** The page of a person, or one below it. */
export const personPath = (userId: string, rest?: string): string =>
  `/admin/people/${at(userId)}${rest === undefined ? '' : `/${rest}`}`

/** The page of a room, or one below it. */
export const roomPath = (roomId: string, rest?: string): string =>
  `/admin/rooms/${at(roomId)}${rest === undefined ? '' : `/${rest}`}`

/** A link to what an id names, where there is a page of it. */
export const subjectLink = (subject: string): Html => {
  if (subject === '') return NONE
  if (subject.startsWith('@')) return link(personPath(subject), id(subject))
  if (subject.startsWith('!')) return link(roomPath(subject), id(subject))
  return html`${id(subject)}`
}
