import type { CustomReply } from '#http'
import { html } from '../../html.ts'
import { deedLink, deeds, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { roomPath, subjectLink } from '../parts/links.ts'
import { factsOf, type ListState, listOf } from '../parts/lists.ts'
import { count, id, moment, NONE, orNone, tag, tags } from '../parts/words.ts'
import { type RoomRow, roomMarks } from './rooms.ts'

export interface RoomPageView {
  readonly room: RoomRow
  readonly topic: string | undefined
  /** The room that takes its place. */
  readonly replacement: string | undefined
  readonly blocked: boolean
}

const titleOf = ({ name, canonicalAlias, roomId }: RoomRow): string => name || canonicalAlias || roomId

/** One room: what it is, and what can be done with it. */
export const roomPage = (frame: Frame, { room, topic, replacement, blocked }: RoomPageView): CustomReply => {
  const { roomId, published } = room
  const post = (rest: string, button: string, to: string) =>
    postForm({ action: roomPath(roomId, rest), csrf: frame.csrf, button, look: 'quiet', hidden: { to } })
  return adminPage(frame, {
    title: titleOf(room),
    above: [],
    ...(topic === undefined ? {} : { lead: topic }),
    main: html`${factsOf([
      ['Room id', id(roomId)],
      ['Address', orNone(room.canonicalAlias)],
      ['Marks', tags([...roomMarks(room), blocked ? tag('blocked', 'bad') : undefined])],
      [
        'Members',
        html`<a href="${roomPath(roomId, 'members')}">${count(room.joinedCount)}</a>, ${count(room.joinedLocalCount)} of them from here`,
      ],
      [
        'State',
        html`<a href="${roomPath(roomId, 'state')}">${count(room.stateEvents)} entries</a>, <a href="${roomPath(roomId, 'changes')}">changed by resolution</a>`,
      ],
      ['Version', room.version],
      ['Made by', room.creator === '' ? NONE : subjectLink(room.creator)],
      ['Who may join', orNone(room.joinRules)],
      replacement === undefined ? undefined : ['Replaced by', subjectLink(replacement)],
      ['Media', html`<a href="${roomPath(roomId, 'media')}">what was shared here</a>`],
      [
        'History',
        html`<a href="/admin/audit-log?q=${encodeURIComponent(roomId)}">what administrators did with this room</a>`,
      ],
    ])}${deeds(
      post(
        'publish',
        published ? 'Take it out of the directory' : 'List it in the directory',
        published ? 'no' : 'yes',
      ),
      post('block', blocked ? 'Unblock' : 'Block', blocked ? 'no' : 'yes'),
      deedLink(roomPath(roomId, 'moderator'), 'Give somebody power'),
      deedLink(roomPath(roomId, 'purge'), 'Purge old messages', 'danger'),
      deedLink(roomPath(roomId, 'delete'), 'Delete the room', 'danger'),
    )}<p class="hint">Nobody of this server can join a blocked room.</p>`,
  })
}

interface OfRoom {
  readonly roomId: string
  readonly state: ListState
  readonly next: string | undefined
}

const above = (roomId: string) => [{ path: roomPath(roomId), title: roomId }]

export interface MemberRow {
  readonly userId: string
  readonly displayName: string | undefined
}

export const roomMembersPage = (
  frame: Frame,
  { roomId, ...view }: OfRoom & { readonly rows: readonly MemberRow[] },
): CustomReply =>
  adminPage(frame, {
    title: 'Members of a room',
    above: above(roomId),
    main: listOf<MemberRow>({
      ...view,
      caption: `Members of ${roomId}`,
      search: 'Beginning of a user id',
      exports: true,
      empty: 'Nobody like that is in the room.',
      columns: [
        { title: 'User id', cell: ({ userId }) => subjectLink(userId) },
        { title: 'Name in the room', cell: ({ displayName }) => orNone(displayName) },
      ],
    }),
  })

export interface StateEntryRow {
  readonly type: string
  readonly stateKey: string
  readonly sender: string
  readonly sentAtMs: number
  readonly content: string
}

export const roomStatePage = (
  frame: Frame,
  { roomId, ...view }: OfRoom & { readonly rows: readonly StateEntryRow[] },
): CustomReply =>
  adminPage(frame, {
    title: 'State of a room',
    lead: html`Without the members, who have <a href="${roomPath(roomId, 'members')}">a list of their own</a>. Times are UTC.`,
    above: above(roomId),
    main: listOf<StateEntryRow>({
      ...view,
      caption: `State of ${roomId}`,
      search: 'Beginning of a type',
      exports: true,
      empty: 'There is no such entry.',
      columns: [
        {
          title: 'Type',
          cell: ({ type, stateKey }) => html`${id(type)}${stateKey === '' ? undefined : html` ${id(stateKey)}`}`,
        },
        { title: 'Content', cell: ({ content }) => id(content) },
        { title: 'Set by', cell: ({ sender }) => subjectLink(sender) },
        { title: 'When', cell: ({ sentAtMs }) => moment(sentAtMs) },
      ],
    }),
  })

export interface ChangeRow {
  readonly position: number
  readonly type: string
  readonly stateKey: string
  readonly before: string | undefined
  readonly after: string | undefined
}

const event = (eventId: string | undefined) => (eventId === undefined ? NONE : id(eventId))

export const roomChangesPage = (
  frame: Frame,
  { roomId, ...view }: OfRoom & { readonly rows: readonly ChangeRow[] },
): CustomReply =>
  adminPage(frame, {
    title: 'State changed by resolution',
    lead: 'When servers went on without each other and meet again, state resolution decides which entries hold. These are the newest changes that it made here, and no event.',
    above: above(roomId),
    main: listOf<ChangeRow>({
      ...view,
      caption: `Changes of the state of ${roomId} by resolution`,
      exports: true,
      empty: 'Resolution has changed nothing in this room.',
      columns: [
        {
          title: 'Type',
          cell: ({ type, stateKey }) => html`${id(type)}${stateKey === '' ? undefined : html` ${id(stateKey)}`}`,
        },
        { title: 'Before', cell: ({ before }) => event(before) },
        { title: 'After', cell: ({ after }) => event(after) },
        { title: 'Position', kind: 'number', cell: ({ position }) => String(position) },
      ],
    }),
  })
