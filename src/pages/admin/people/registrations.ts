import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { deedPage } from '../parts/deed.ts'
import { field, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { id, moment, orNone } from '../parts/words.ts'

export interface WaitingRow {
  readonly userId: string
  readonly createdAtMs: number
  readonly addresses: readonly string[]
}

export interface RegistrationsView {
  readonly state: ListState
  readonly rows: readonly WaitingRow[]
  readonly next: string | undefined
  /** Whether new accounts wait for approval at all. */
  readonly needed: boolean
}

const SECTION = '/admin/registrations'

const decisionsOf = ({ csrf }: Frame, { userId }: WaitingRow): Html =>
  html`<div class="deeds">${postForm({
    action: `${SECTION}/approve`,
    csrf,
    button: 'Approve',
    about: userId,
    inline: true,
    hidden: { user: userId },
  })}<a class="button danger small" href="${SECTION}/refuse?user=${encodeURIComponent(userId)}">Refuse<span class="unseen"> ${userId}</span></a></div>`

/** Accounts that wait until an administrator lets them in. */
export const registrationsPage = (frame: Frame, { needed, ...view }: RegistrationsView): CustomReply =>
  adminPage(frame, {
    title: 'Registrations',
    lead: needed
      ? 'People who made an account and wait until somebody lets them in, the longest first. Times are UTC.'
      : 'On this server new accounts wait for nobody; its configuration says so (registration.approval).',
    main: listOf<WaitingRow>({
      ...view,
      caption: 'Accounts that wait for approval',
      exports: true,
      empty: 'Nobody waits.',
      columns: [
        { title: 'User id', cell: ({ userId }) => id(userId) },
        { title: 'Waits since', cell: ({ createdAtMs }) => moment(createdAtMs) },
        { title: 'Addresses', cell: ({ addresses }) => orNone(addresses.join(', ')) },
        { title: 'Decide', kind: 'deed', cell: (row) => decisionsOf(frame, row) },
      ],
    }),
  })

export const refuseRegistrationPage = (frame: Frame, userId: string): CustomReply =>
  deedPage(frame, {
    title: 'Refuse a registration',
    above: [],
    words: html`<p>The account: ${id(userId)}</p>
<p>The account ends before it began, and its name is not given out again. If it has an e-mail address, a mail tells the person.</p>`,
    action: `${SECTION}/refuse`,
    button: 'Refuse for good',
    look: 'final',
    hidden: { user: userId },
    fields: field({ name: 'reason', label: 'Reason, for the mail', maxLength: 500, hint: 'Empty: none is given.' }),
    back: SECTION,
  })
