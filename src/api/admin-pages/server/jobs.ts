import type { AuditLog, Jobs } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError } from '#spec'
import { csvReply, isoOf, numberOf, PAGE_ROWS, pagesBelow, stateOf, textOf } from '../lists.ts'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface JobsPageDeps {
  readonly jobs: Pick<Jobs, 'list' | 'get' | 'cancel'>
  readonly auditLog: Pick<AuditLog, 'note'>
}

type Job = Awaited<ReturnType<Jobs['list']>>[number]

const STATES = ['scheduled', 'active', 'complete', 'failed', 'cancelled'] as const

const filterOf = ({ query }: Visit) => ({
  state: STATES.find((state) => state === query.state),
  kind: textOf(query.kind),
})

const jobOf = async ({ params }: Visit, { jobs }: JobsPageDeps): Promise<Job> => {
  const job = await jobs.get(params.id ?? '')
  if (job === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such job, or it ended long ago')
  return job
}

export const jobs: PageHandler<JobsPageDeps> = async (visit, { jobs: all }) => {
  const { frameOf, jobsPage } = await loadAdminPages()
  const before = numberOf(visit.query.from, Number.MAX_SAFE_INTEGER)
  const filter = filterOf(visit)
  const rows = await all.list({ ...filter, before, limit: PAGE_ROWS })
  const kinds = new Set(rows.map(({ kind }) => kind))
  if (filter.kind !== undefined) kinds.add(filter.kind)
  return jobsPage(frameOf(visit), {
    state: stateOf(visit),
    rows,
    kinds: [...kinds].sort(),
    next: rows.length < PAGE_ROWS ? undefined : String(rows.at(-1)?.job ?? 0),
  })
}

export const jobsCsv: PageHandler<JobsPageDeps> = async (visit, { jobs: all }) =>
  csvReply<Job>(
    'jobs',
    {
      id: ({ id }) => id,
      kind: ({ kind }) => kind,
      state: ({ state }) => state,
      by: ({ by }) => by,
      started: ({ createdAtMs }) => isoOf(createdAtMs),
      changed: ({ changedAtMs }) => isoOf(changedAtMs),
      params: ({ params }) => JSON.stringify(params),
      error: ({ error }) => error,
    },
    pagesBelow(
      (before, limit) => all.list({ ...filterOf(visit), before, limit }),
      ({ job }) => job,
    ),
  )

export const job: PageHandler<JobsPageDeps> = async (visit, deps) => {
  const { frameOf, jobPage } = await loadAdminPages()
  return jobPage(frameOf(visit), await jobOf(visit, deps), visit.nowMs)
}

export const cancelJob: PageHandler<JobsPageDeps> = async (visit, deps) => {
  const { id, kind } = await jobOf(visit, deps)
  const note = deps.auditLog.note({ ...actorOf(visit), action: 'job.cancel', subject: id, details: { kind } })
  if (!(await deps.jobs.cancel(id, [note])))
    throw new MatrixError('M_INVALID_PARAM', 'The job has ended already', { status: 409 })
  return seeOther(at('/admin/jobs', id), 'cancelled')
}
