import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { deedLink, deeds, field, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { personPath, roomPath } from '../parts/links.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { id, link, moment, NONE, orNone, tag, tags } from '../parts/words.ts'

export interface PersonView {
  readonly userId: string
  readonly displayName: string | undefined
  readonly guest: boolean
  readonly admin: boolean
  readonly userType: string | undefined
  readonly deactivated: boolean
  readonly erased: boolean
  readonly shadowBanned: boolean
  readonly locked: boolean
  readonly suspended: boolean
  readonly createdAtMs: number
  readonly lastSeenAtMs: number | undefined
}

/** The marks of an account that set it apart from an ordinary one. */
export const marksOf = (person: PersonView): readonly (Html | undefined)[] => [
  person.admin ? tag('administrator', 'good') : undefined,
  person.guest ? tag('guest') : undefined,
  person.userType === undefined ? undefined : tag(person.userType),
  person.deactivated ? tag(person.erased ? 'deactivated, erased' : 'deactivated', 'bad') : undefined,
  person.locked ? tag('locked', 'bad') : undefined,
  person.suspended ? tag('suspended', 'bad') : undefined,
  person.shadowBanned ? tag('shadow-banned', 'bad') : undefined,
]

export interface PeopleView {
  readonly state: ListState
  readonly rows: readonly PersonView[]
  readonly total: number
  readonly next: string | undefined
}

const SHOWN = [
  { value: '', title: 'everybody' },
  { value: 'active', title: 'not deactivated' },
  { value: 'admins', title: 'administrators' },
  { value: 'guests', title: 'guests' },
  { value: 'locked', title: 'locked' },
  { value: 'deactivated', title: 'deactivated' },
]

export const peoplePage = (frame: Frame, view: PeopleView): CustomReply =>
  adminPage(frame, {
    title: 'People',
    lead: 'Everybody who has an account on this server. Times are UTC.',
    main: html`${deeds(deedLink('/admin/people/new', 'Make an account'))}${listOf<PersonView>({
      ...view,
      caption: 'Accounts',
      search: 'Name or user id',
      filters: [{ name: 'show', label: 'Show', choices: SHOWN }],
      order: 'name',
      exports: true,
      empty: 'There is no such account.',
      columns: [
        { title: 'User id', order: 'name', cell: ({ userId }) => link(personPath(userId), id(userId)) },
        { title: 'Display name', order: 'displayname', cell: ({ displayName }) => orNone(displayName) },
        { title: 'Marks', cell: (person) => tags(marksOf(person)) },
        { title: 'Made', order: 'creation_ts', cell: ({ createdAtMs }) => moment(createdAtMs) },
        { title: 'Last seen', order: 'last_seen_ts', cell: ({ lastSeenAtMs }) => moment(lastSeenAtMs) },
      ],
    })}`,
  })

export interface NewPersonView {
  readonly typed?: { readonly name: string; readonly displayName: string } | undefined
  readonly refusal?: { readonly status: number; readonly text: string } | undefined
}

export const newPersonPage = (frame: Frame, { typed, refusal }: NewPersonView): CustomReply =>
  adminPage(frame, {
    title: 'Make an account',
    above: [],
    ...(refusal === undefined ? {} : { status: refusal.status, refusal: refusal.text }),
    main: postForm({
      action: '/admin/people/new',
      csrf: frame.csrf,
      button: 'Make the account',
      fields: html`${field({ name: 'name', label: 'User name', value: typed?.name, required: true, maxLength: 255, hint: `Others will know them as @name:${frame.serverName}. It cannot be changed later.` })}
${field({ name: 'display_name', label: 'Display name', value: typed?.displayName, maxLength: 255, hint: 'Empty: the user name.' })}
${field({ name: 'password', label: 'Password', kind: 'password', required: true, autocomplete: 'new-password', hint: 'They can change it later.' })}
${field({ name: 'repeated', label: 'Password, once more', kind: 'password', required: true, autocomplete: 'new-password' })}`,
    }),
  })

export interface PersonRoomRow {
  readonly roomId: string
  readonly membership: string
}

export interface PersonRoomsView {
  readonly userId: string
  readonly state: ListState
  readonly rows: readonly PersonRoomRow[]
  readonly total: number
  readonly next: string | undefined
}

/** The rooms of one person. */
export const personRoomsPage = (frame: Frame, { userId, ...view }: PersonRoomsView): CustomReply =>
  adminPage(frame, {
    title: 'Rooms of a person',
    above: [{ path: personPath(userId), title: userId }],
    main: listOf<PersonRoomRow>({
      ...view,
      caption: `Rooms of ${userId}`,
      search: 'Room id',
      filters: [
        {
          name: 'membership',
          label: 'Membership',
          choices: [
            { value: '', title: 'all' },
            ...['join', 'invite', 'knock', 'leave', 'ban'].map((value) => ({ value, title: value })),
          ],
        },
      ],
      exports: true,
      empty: 'They are in no such room.',
      columns: [
        { title: 'Room', cell: ({ roomId }) => link(roomPath(roomId), id(roomId)) },
        {
          title: 'Membership',
          cell: ({ membership }) =>
            membership === '' ? NONE : tag(membership, membership === 'join' ? 'good' : 'calm'),
        },
      ],
    }),
  })
