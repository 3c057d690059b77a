import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { deeds, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { subjectLink } from '../parts/links.ts'
import { factsOf, type ListState, listOf } from '../parts/lists.ts'
import { id, link, moment, orNone, tag } from '../parts/words.ts'

export interface ReportRow {
  readonly report: number
  readonly reporter: string
  readonly atMs: number
  readonly reason: string
  readonly founded: boolean
  readonly roomId?: string
  readonly eventId?: string
  readonly userId?: string
}

const about = ({ userId, roomId, eventId }: ReportRow): Html => {
  if (userId !== undefined) return html`user ${subjectLink(userId)}`
  if (eventId === undefined) return html`room ${subjectLink(roomId ?? '')}`
  return html`event ${id(eventId)} in ${subjectLink(roomId ?? '')}`
}

export interface ReportsView {
  readonly state: ListState
  readonly rows: readonly ReportRow[]
  readonly total?: number
  readonly next: string | undefined
}

/** The inbox of what people reported. */
export const reportsPage = (frame: Frame, view: ReportsView): CustomReply =>
  adminPage(frame, {
    title: 'Reports',
    lead: 'What people reported, newest first. Times are UTC.',
    main: listOf<ReportRow>({
      ...view,
      caption: 'Reports',
      filters: [
        {
          name: 'kind',
          label: 'About',
          choices: [
            { value: '', title: 'everything' },
            { value: 'event', title: 'messages and other events' },
            { value: 'room', title: 'rooms' },
            { value: 'user', title: 'people' },
          ],
        },
        {
          name: 'age',
          label: 'Order of one kind',
          choices: [
            { value: '', title: 'newest first' },
            { value: 'oldest', title: 'oldest first' },
          ],
        },
      ],
      exports: true,
      empty: 'Nobody has reported anything.',
      columns: [
        { title: 'When', cell: ({ report, atMs }) => link(`/admin/reports/${report}`, moment(atMs)) },
        { title: 'About', cell: about },
        { title: 'Reason', cell: ({ reason }) => orNone(reason) },
        { title: 'Reported by', cell: ({ reporter }) => subjectLink(reporter) },
        {
          title: 'Known here',
          cell: ({ founded }) => (founded ? tag('yes', 'good') : tag('unknown to the reporter or here')),
        },
      ],
    }),
  })

export interface ReportView extends ReportRow {
  /** Empty: it has none, or is not known. */
  readonly roomName: string
  readonly sender: string | undefined
  /** The event as it is stored, as JSON; undefined: it is not here. */
  readonly event: string | undefined
}

/** One report, with what it is about. */
export const reportPage = (frame: Frame, view: ReportView): CustomReply =>
  adminPage(frame, {
    title: 'A report',
    above: [],
    main: html`${factsOf([
      ['When', html`${moment(view.atMs)} UTC`],
      ['About', about(view)],
      view.roomId === undefined ? undefined : ['Room', orNone(view.roomName)],
      view.sender === undefined ? undefined : ['Sent by', subjectLink(view.sender)],
      ['Reason', orNone(view.reason)],
      ['Reported by', subjectLink(view.reporter)],
      ['Known here', view.founded ? tag('yes', 'good') : tag('unknown to the reporter or here')],
    ])}${view.event === undefined ? undefined : html`<details class="more"><summary>Show the event</summary><pre tabindex="0" aria-label="The event">${view.event}</pre></details>`}${deeds(
      postForm({
        action: `/admin/reports/${view.report}/remove`,
        csrf: frame.csrf,
        button: 'Done: remove the report',
        look: 'danger',
      }),
    )}<p class="hint">What was reported stays as it is: only the report goes.</p>`,
  })
