import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { deedLink, deeds, field, type PostForm, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { personPath } from '../parts/links.ts'
import { factsOf, tableOf } from '../parts/lists.ts'
import { count, id, moment, orNone, tag, tags } from '../parts/words.ts'
import { marksOf, type PersonView } from './people.ts'
import { limitFacts, type PersonLimits } from './person-limits.ts'

export interface DeviceRow {
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly lastSeenAtMs: number | undefined
  readonly lastSeenIp: string | undefined
  readonly lastSeenUserAgent: string | undefined
  /** The app that signed in by OAuth, if one did. */
  readonly app: string | undefined
}

export interface AddressRow {
  readonly medium: string
  readonly address: string
}

export interface PersonPageView {
  readonly person: PersonView
  readonly hasPassword: boolean
  readonly devices: readonly DeviceRow[]
  readonly addresses: readonly AddressRow[]
  readonly identities: readonly { readonly provider: string; readonly subject: string }[]
  readonly rooms: number
  /** Whether it is the administrator's own account, with which some deeds cannot be done. */
  readonly own: boolean
  readonly limits: PersonLimits
  readonly nowMs: number
}

interface Deeds {
  readonly userId: string
  post(rest: string, button: string, more?: Partial<PostForm>): Html
}

const deedsWith = ({ csrf }: Frame, { userId }: PersonView): Deeds => ({
  userId,
  post: (rest, button, more = {}) =>
    postForm({ action: personPath(userId, rest), csrf, button, look: 'quiet', ...more }),
})

const standing = ({ person, own }: PersonPageView, { userId, post }: Deeds): Html => {
  const { locked, suspended, shadowBanned, admin, guest } = person
  const flip = (rest: string, is: boolean, on: string, off: string): Html =>
    post(rest, is ? off : on, { hidden: { to: is ? 'no' : 'yes' } })
  return deeds(
    own ? undefined : flip('lock', locked, 'Lock', 'Unlock'),
    own ? undefined : flip('suspend', suspended, 'Suspend', 'End the suspension'),
    own ? undefined : flip('shadow-ban', shadowBanned, 'Shadow-ban', 'Lift the shadow ban'),
    guest ? undefined : deedLink(personPath(userId, 'password'), 'Set a password'),
    guest || (own && admin)
      ? undefined
      : deedLink(personPath(userId, 'admin'), admin ? 'Take the administrator’s right' : 'Make an administrator'),
    deedLink(personPath(userId, 'limits'), 'Limits, validity and type'),
    deedLink(personPath(userId, 'redact'), 'Take back what they wrote', 'danger'),
    deedLink(personPath(userId, 'deactivate'), 'Deactivate', 'danger'),
  )
}

const devicesOf = (
  { person, devices: rows }: PersonPageView,
  { post }: Deeds,
): Html => html`<h2>Devices and sessions</h2>
${
  rows.length === 0
    ? html`<p class="empty">They are signed in nowhere.</p>`
    : html`${tableOf<DeviceRow>({
        state: { path: '', query: {} },
        caption: `Devices of ${person.userId}`,
        empty: '',
        rows,
        columns: [
          { title: 'Device', cell: ({ deviceId, displayName }) => html`${orNone(displayName)} ${id(deviceId)}` },
          { title: 'Last seen', cell: ({ lastSeenAtMs }) => moment(lastSeenAtMs) },
          { title: 'Address', cell: ({ lastSeenIp }) => orNone(lastSeenIp) },
          { title: 'App', cell: ({ app, lastSeenUserAgent }) => orNone(app ?? lastSeenUserAgent) },
          {
            title: 'Sign out',
            kind: 'deed',
            cell: ({ deviceId }) =>
              post('devices/remove', 'Sign out', { inline: true, about: deviceId, hidden: { device: deviceId } }),
          },
        ],
      })}${deeds(post('sign-out', 'Sign out everywhere', { look: 'danger' }))}`
}`

const addressesOf = (
  { addresses }: PersonPageView,
  { post }: Deeds,
): Html => html`<h2>E-mail addresses and phone numbers</h2>
${
  addresses.length === 0
    ? html`<p>None.</p>`
    : html`<ul class="plain">${addresses.map(
        ({ medium, address }) =>
          html`<li>${tag(medium === 'msisdn' ? 'phone' : medium)} ${address} ${post('addresses/remove', 'Remove', { inline: true, about: address, hidden: { medium, address } })}</li>\n`,
      )}</ul>`
}
<details class="more"><summary>Add an address</summary>${post('addresses/add', 'Add', {
  look: 'plain',
  fields: html`${field({
    name: 'medium',
    label: 'Kind',
    choices: [
      { value: 'email', title: 'e-mail address' },
      { value: 'msisdn', title: 'phone number' },
    ],
  })}${field({ name: 'address', label: 'Address or number', required: true, maxLength: 255, hint: 'It counts as confirmed: it can bring back a lost password.' })}`,
})}</details>`

const profileOf = ({ person }: PersonPageView, { post }: Deeds): Html =>
  html`<details class="more"><summary>Change the display name</summary>${post('profile', 'Save', {
    look: 'plain',
    fields: field({ name: 'display_name', label: 'Display name', value: person.displayName, maxLength: 255 }),
  })}</details>`

const noticeOf = ({ post }: Deeds): Html =>
  html`<details class="more"><summary>Send a server notice</summary>${post('notice', 'Send', {
    look: 'plain',
    fields: field({
      name: 'text',
      label: 'Text',
      kind: 'textarea',
      required: true,
      maxLength: 30_000,
      hint: 'They read it in a room of this server’s notices, which they cannot answer in.',
    }),
  })}</details>`

const reopening = ({
  userId,
}: Deeds): Html => html`<p>This account is closed: nobody can sign in to it, and its name is not given out again.</p>
${deeds(deedLink(personPath(userId, 'reactivate'), 'Open it again'))}`

/** One person: what the account is and has, and what can be done with it. */
export const personPage = (frame: Frame, view: PersonPageView): CustomReply => {
  const { person, hasPassword, identities, rooms, limits, nowMs } = view
  const { userId, deactivated } = person
  const all = deedsWith(frame, person)
  return adminPage(frame, {
    title: person.displayName === undefined || person.displayName === '' ? userId : person.displayName,
    above: [],
    main: html`${factsOf([
      ['User id', id(userId)],
      ['Marks', tags(marksOf(person))],
      ['Made', html`${moment(person.createdAtMs)} UTC`],
      ['Last seen', moment(person.lastSeenAtMs)],
      ['Password', hasPassword ? 'has one' : 'has none'],
      [
        'Signs in by',
        identities.length === 0
          ? tags([])
          : html`${identities.map(({ provider, subject }) => html`${tag(provider)} ${id(subject)} `)}`,
      ],
      ...(deactivated ? [] : limitFacts(limits, nowMs)),
      ['Rooms', html`<a href="${personPath(userId, 'rooms')}">${count(rooms)}</a>`],
      ['Media', html`<a href="/admin/media?q=${encodeURIComponent(userId)}">what they uploaded</a>`],
      [
        'History',
        html`<a href="/admin/audit-log?q=${encodeURIComponent(userId)}">what administrators did with this account</a>`,
      ],
    ])}${deactivated ? reopening(all) : html`${standing(view, all)}${profileOf(view, all)}${noticeOf(all)}${devicesOf(view, all)}${addressesOf(view, all)}`}`,
  })
}
