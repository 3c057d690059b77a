import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { subjectLink } from '../parts/links.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { id, moment, orNone, tag } from '../parts/words.ts'

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
      exports: true,
      empty: 'Nobody has reported anything.',
      columns: [
        { title: 'When', cell: ({ atMs }) => moment(atMs) },
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
