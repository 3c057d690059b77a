import type { CustomReply } from '#http'
import { html } from '../../html.ts'
import { field, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { subjectLink } from '../parts/links.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { count, id, link, NONE, orNone, tag } from '../parts/words.ts'

export interface BanListRow {
  readonly roomId: string
  readonly addedBy: string
  /** undefined: the room is not known here yet. */
  readonly rules: number | undefined
}

export interface BanListsView {
  readonly state: ListState
  readonly rows: readonly BanListRow[]
  readonly total: number
  readonly next: string | undefined
  readonly typed?: { readonly room: string; readonly via: string } | undefined
  readonly refusal?: string | undefined
}

const SECTION = '/admin/ban-lists'

/** The policy rooms that the server obeys. */
export const banListsPage = (frame: Frame, { typed, refusal, ...view }: BanListsView): CustomReply =>
  adminPage(frame, {
    title: 'Ban lists',
    lead: 'Policy rooms that this server obeys: whoever they ban can do nothing here, and rooms and servers that they ban are shut out.',
    ...(refusal === undefined ? {} : { refusal, status: 400 }),
    main: html`<details class="more"${refusal === undefined ? undefined : html` open`}><summary>Obey another list</summary>${postForm(
      {
        action: SECTION,
        csrf: frame.csrf,
        button: 'Obey the list',
        fields: html`${field({ name: 'room', label: 'Room id of the list', value: typed?.room, required: true, maxLength: 255, hint: 'A user of this server joins the room to read it.' })}
${field({ name: 'via', label: 'Servers that are in it', value: typed?.via, hint: 'Names apart by spaces. Empty where this server is in the room.' })}`,
      },
    )}</details>
${listOf<BanListRow>({
  ...view,
  caption: 'Ban lists',
  exports: true,
  empty: 'This server obeys no list.',
  columns: [
    { title: 'Room', cell: ({ roomId }) => link(`${SECTION}/${encodeURIComponent(roomId)}`, id(roomId)) },
    { title: 'Rules', kind: 'number', cell: ({ rules }) => (rules === undefined ? NONE : count(rules)) },
    { title: 'Added by', cell: ({ addedBy }) => orNone(addedBy) },
    {
      title: 'Obey no longer',
      kind: 'deed',
      cell: ({ roomId }) =>
        postForm({
          action: `${SECTION}/remove`,
          csrf: frame.csrf,
          button: 'Obey no longer',
          about: roomId,
          look: 'danger',
          inline: true,
          hidden: { room: roomId },
        }),
    },
  ],
})}`,
  })

export interface BanRuleRow {
  readonly kind: string
  readonly entity: string
  readonly reason: string | undefined
}

export const banListPage = (
  frame: Frame,
  {
    roomId,
    ...view
  }: {
    readonly roomId: string
    readonly state: ListState
    readonly rows: readonly BanRuleRow[]
    readonly next: string | undefined
  },
): CustomReply =>
  adminPage(frame, {
    title: 'Rules of a list',
    lead: html`Of the room ${subjectLink(roomId)}.`,
    above: [],
    main: listOf<BanRuleRow>({
      ...view,
      caption: `Rules of ${roomId}`,
      exports: true,
      empty: 'The list bans nobody.',
      columns: [
        { title: 'Whom', cell: ({ entity }) => id(entity) },
        { title: 'Kind', cell: ({ kind }) => tag(kind) },
        { title: 'Reason', cell: ({ reason }) => orNone(reason) },
      ],
    }),
  })
