import type { CustomReply } from '#http'
import { html } from '../../html.ts'
import { field, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { id, moment, orNone } from '../parts/words.ts'

export interface BlockedServerRow {
  readonly pattern: string
  readonly reason: string | undefined
  readonly addedBy: string
  readonly addedAtMs: number
}

export interface BlockedServersView {
  readonly state: ListState
  readonly rows: readonly BlockedServerRow[]
  readonly total: number
  readonly next: string | undefined
  readonly typed?: { readonly server: string; readonly reason: string } | undefined
  readonly refusal?: string | undefined
}

const SECTION = '/admin/blocked-servers'

/** The servers with which this one does not talk because an administrator wished so. */
export const blockedServersPage = (frame: Frame, { typed, refusal, ...view }: BlockedServersView): CustomReply =>
  adminPage(frame, {
    title: 'Blocked servers',
    lead: 'Servers with which this one does not talk: it asks them nothing, and answers them nothing. What the configuration and ban lists shut out is not in this list.',
    ...(refusal === undefined ? {} : { refusal, status: 400 }),
    main: html`<details class="more"${refusal === undefined ? undefined : html` open`}><summary>Block another server</summary>${postForm(
      {
        action: SECTION,
        csrf: frame.csrf,
        button: 'Block the server',
        fields: html`${field({ name: 'server', label: 'Name of the server', value: typed?.server, required: true, maxLength: 255, hint: 'A star stands for any characters, a question mark for one: *.example.org.' })}
${field({ name: 'reason', label: 'Reason', value: typed?.reason, maxLength: 500, hint: 'Kept for administrators.' })}`,
      },
    )}</details>
${listOf<BlockedServerRow>({
  ...view,
  caption: 'Blocked servers',
  exports: true,
  empty: 'No server is blocked.',
  columns: [
    { title: 'Server', cell: ({ pattern }) => id(pattern) },
    { title: 'Reason', cell: ({ reason }) => orNone(reason) },
    { title: 'Blocked by', cell: ({ addedBy }) => orNone(addedBy) },
    { title: 'Since', cell: ({ addedAtMs }) => moment(addedAtMs) },
    {
      title: 'Block no longer',
      kind: 'deed',
      cell: ({ pattern }) =>
        postForm({
          action: `${SECTION}/remove`,
          csrf: frame.csrf,
          button: 'Block no longer',
          about: pattern,
          look: 'danger',
          inline: true,
          hidden: { server: pattern },
        }),
    },
  ],
})}`,
  })
