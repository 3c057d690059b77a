import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { membersOf } from '../parts/json.ts'
import { subjectLink } from '../parts/links.ts'
import { factsOf, type ListState, listOf } from '../parts/lists.ts'
import { id, link, moment, orNone, span, tag } from '../parts/words.ts'

type JsonMembers = Readonly<Record<string, unknown>>

export interface JobView {
  readonly id: string
  readonly kind: string
  readonly state: 'scheduled' | 'active' | 'complete' | 'failed' | 'cancelled'
  readonly by: string
  readonly createdAtMs: number
  readonly changedAtMs: number
  readonly params: JsonMembers
  readonly progress: JsonMembers
  readonly result: JsonMembers | undefined
  readonly error: string | undefined
}

const TONES = { scheduled: 'calm', active: 'good', complete: 'calm', failed: 'bad', cancelled: 'calm' } as const
const REFRESH_SECONDS = 5

const isOpen = ({ state }: JobView): boolean => state === 'scheduled' || state === 'active'

const stateTag = ({ state }: JobView): Html => tag(state, TONES[state])

export interface JobsView {
  readonly state: ListState
  readonly rows: readonly JobView[]
  readonly kinds: readonly string[]
  readonly next: string | undefined
}

/** All long work. While any is under way the page loads itself anew. */
export const jobsPage = (frame: Frame, { kinds, ...view }: JobsView): CustomReply =>
  adminPage(frame, {
    title: 'Jobs',
    lead: 'Long work, such as deleting a room. It goes on after a restart. Jobs that ended are kept for a week.',
    ...(view.rows.some(isOpen) ? { refreshSeconds: REFRESH_SECONDS } : {}),
    main: listOf<JobView>({
      ...view,
      caption: 'Jobs',
      filters: [
        {
          name: 'state',
          label: 'State',
          choices: [{ value: '', title: 'all' }, ...Object.keys(TONES).map((value) => ({ value, title: value }))],
        },
        {
          name: 'kind',
          label: 'Kind',
          choices: [{ value: '', title: 'all' }, ...kinds.map((value) => ({ value, title: value }))],
        },
      ],
      exports: true,
      empty: 'There is no such job.',
      columns: [
        { title: 'Job', cell: (job) => link(`/admin/jobs/${encodeURIComponent(job.id)}`, id(job.kind)) },
        { title: 'State', cell: stateTag },
        { title: 'Started by', cell: ({ by }) => (by === 'operator' ? 'operator' : id(by)) },
        { title: 'Started', cell: ({ createdAtMs }) => moment(createdAtMs) },
        { title: 'Last change', cell: ({ changedAtMs }) => moment(changedAtMs) },
        {
          title: 'About',
          cell: ({ params }) => (typeof params.room_id === 'string' ? subjectLink(params.room_id) : membersOf(params)),
        },
      ],
    }),
  })

export const jobPage = (frame: Frame, job: JobView, nowMs: number): CustomReply =>
  adminPage(frame, {
    title: `Job: ${job.kind}`,
    above: [],
    ...(isOpen(job)
      ? { refreshSeconds: REFRESH_SECONDS, lead: 'The page loads itself anew while the job is under way.' }
      : {}),
    main: html`${factsOf([
      ['State', stateTag(job)],
      ['Id', id(job.id)],
      ['Started by', job.by === 'operator' ? 'operator' : id(job.by)],
      ['Started', html`${moment(job.createdAtMs)} UTC`],
      ['Last change', html`${moment(job.changedAtMs)} UTC (${span(nowMs - job.changedAtMs)} ago)`],
      ['About', membersOf(job.params)],
      isOpen(job)
        ? ['Progress', Object.keys(job.progress).length === 0 ? 'none saved yet' : membersOf(job.progress)]
        : undefined,
      job.result === undefined ? undefined : ['Result', membersOf(job.result)],
      job.error === undefined ? undefined : ['Failed because', orNone(job.error)],
    ])}${
      isOpen(job)
        ? html`<p>Cancelling ends the job where it is. What it has done stays done.</p>${postForm({
            action: `/admin/jobs/${encodeURIComponent(job.id)}/cancel`,
            csrf: frame.csrf,
            button: 'Cancel the job',
            look: 'danger',
          })}`
        : undefined
    }`,
  })
