import { type Generated, sql } from 'kysely'
import { isJsonObject, type JsonObject, type UserId } from '#spec'
import { WriteConflict } from '../../ports/engine/change.ts'
import type {
  JobAttempt,
  JobState,
  JobsQuery,
  JobsReader,
  JobsWriter,
  NewJob,
  StoredJob,
} from '../../ports/processes/jobs.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'

interface JobRow {
  readonly job: Generated<number>
  readonly id: string
  readonly kind: string
  readonly job_key: string | null
  readonly started_by: string
  readonly params: string
  readonly state: JobState
  readonly progress: string
  readonly result: string | null
  readonly error: string | null
  readonly attempt: number
  readonly tries: number
  readonly created_ms: number
  readonly changed_ms: number
}

const query = queriesOver<{ readonly jobs: JobRow }>()
const OPEN = ['scheduled', 'active'] as const satisfies readonly JobState[]
const isOpen = sql<boolean>`state in ('scheduled', 'active')`

const jobById = query((db, param: { id: string }) => db.selectFrom('jobs').selectAll().where('id', '=', param.id))
const openOnes = query((db, param: { limit: number }) =>
  db.selectFrom('jobs').selectAll().where(isOpen).orderBy('job').limit(param.limit),
)
/** Empty texts stand for "any". */
interface Filter {
  readonly before: number
  readonly kind: string
  readonly state: string
  readonly limit: number
}
const isWanted = ({ kind, state }: Filter) =>
  sql<boolean>`(cast(${kind} as text) = '' or kind = ${kind}) and (cast(${state} as text) = '' or state = ${state})`
const newest = query((db, param: Filter) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where('job', '<', param.before)
    .where(isWanted(param))
    .orderBy('job', 'desc')
    .limit(param.limit),
)
const newestOfKey = query((db, param: Filter & { readonly key: string }) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where('job_key', '=', param.key)
    .where('job', '<', param.before)
    .where(isWanted(param))
    .orderBy('job', 'desc')
    .limit(param.limit),
)
const openOfKey = query((db, param: { kind: string; key: string }) =>
  db.selectFrom('jobs').select('id').where('kind', '=', param.kind).where('job_key', '=', param.key).where(isOpen),
)
const countOpen = query((db) =>
  db
    .selectFrom('jobs')
    .select(({ fn }) => fn.countAll<number>().as('open'))
    .where(isOpen),
)
const insertJob = query((db, param: Omit<NewJob, 'params' | 'key'> & { params: string; key: string | null }) =>
  db.insertInto('jobs').values({
    ...{ id: param.id, kind: param.kind, job_key: param.key, started_by: param.by, params: param.params },
    ...{ state: 'scheduled', progress: '{}', result: null, error: null, attempt: 0, tries: 0 },
    ...{ created_ms: param.createdAtMs, changed_ms: param.createdAtMs },
  }),
)
const beginJob = query((db, param: JobAttempt) =>
  db
    .updateTable('jobs')
    .set((of) => ({
      state: 'active',
      attempt: of('attempt', '+', 1),
      tries: of('tries', '+', 1),
      changed_ms: param.nowMs,
    }))
    .where('id', '=', param.id)
    .where('attempt', '=', param.attempt)
    .where(isOpen),
)
const saveJob = query((db, param: JobAttempt & { progress: string }) =>
  db
    .updateTable('jobs')
    .set({ progress: param.progress, tries: 0, changed_ms: param.nowMs })
    .where('id', '=', param.id)
    .where('attempt', '=', param.attempt)
    .where('state', '=', 'active'),
)
const endJob = query((db, param: JobAttempt & { state: JobState; result: string | null; error: string | null }) =>
  db
    .updateTable('jobs')
    .set({ state: param.state, result: param.result, error: param.error, changed_ms: param.nowMs })
    .where('id', '=', param.id)
    .where('attempt', '=', param.attempt)
    .where('state', '=', 'active'),
)
const cancelJob = query((db, param: { id: string; nowMs: number }) =>
  db.updateTable('jobs').set({ state: 'cancelled', changed_ms: param.nowMs }).where('id', '=', param.id).where(isOpen),
)
const deleteEndedBefore = query((db, param: { endedBeforeMs: number; limit: number }) =>
  db
    .deleteFrom('jobs')
    .where('job', 'in', (of) =>
      of
        .selectFrom('jobs as j')
        .select('j.job')
        .where('j.changed_ms', '<', param.endedBeforeMs)
        .where('j.state', 'not in', OPEN)
        .orderBy('j.changed_ms')
        .limit(param.limit),
    ),
)
const deleteBeyond = query((db, param: { keep: number; limit: number }) =>
  db
    .deleteFrom('jobs')
    .where('job', 'in', (of) =>
      of
        .selectFrom('jobs as j')
        .select('j.job')
        .where('j.state', 'not in', OPEN)
        .orderBy('j.changed_ms', 'desc')
        .limit(param.limit)
        .offset(param.keep),
    ),
)

const add = defineWrite(
  'jobs.add',
  async (tx, { job, limit }: { readonly job: NewJob; readonly limit: number }): Promise<string> => {
    const { key, params, ...rest } = job
    const same = key === undefined ? undefined : await tx.first(openOfKey, { kind: job.kind, key })
    if (same !== undefined) return same.id
    if (((await tx.first(countOpen, {}))?.open ?? 0) >= limit) throw new WriteConflict('too-many-jobs')
    await tx.run(insertJob, { ...rest, key: key ?? null, params: JSON.stringify(params) })
    return job.id
  },
)

const begin = defineWrite(
  'jobs.begin',
  async (tx, attempt: JobAttempt): Promise<boolean> => (await tx.run(beginJob, attempt)) > 0,
)

const owned = (changed: number): void => {
  if (changed === 0) throw new WriteConflict('job-taken')
}

const save = defineWrite(
  'jobs.save',
  async (tx, input: JobAttempt & { readonly progress: string }): Promise<void> => owned(await tx.run(saveJob, input)),
)

type Ending = JobAttempt & { readonly state: JobState; readonly result: string | null; readonly error: string | null }
const end = defineWrite('jobs.end', async (tx, ending: Ending): Promise<void> => owned(await tx.run(endJob, ending)))

const cancel = defineWrite(
  'jobs.cancel',
  async (tx, input: { readonly id: string; readonly nowMs: number }): Promise<boolean> =>
    (await tx.run(cancelJob, input)) > 0,
)

const sweep = defineWrite('jobs.sweep', async (tx, input: Parameters<JobsWriter['sweep']>[0]): Promise<boolean> => {
  const old = await tx.run(deleteEndedBefore, input)
  const many = await tx.run(deleteBeyond, input)
  return old === input.limit || many === input.limit
})

export const jobWrites = [add, begin, save, end, cancel, sweep]

export const jobsWriter: JobsWriter = {
  add: (job, limit) => add({ job, limit }),
  begin,
  save: (attempt, progress) => save({ ...attempt, progress: JSON.stringify(progress) }),
  complete: (attempt, result) => end({ ...attempt, state: 'complete', result: JSON.stringify(result), error: null }),
  fail: (attempt, error) => end({ ...attempt, state: 'failed', result: null, error }),
  cancel: (id, nowMs) => cancel({ id, nowMs }),
  sweep,
}

export const jobsReader = (db: Db): JobsReader => ({
  job: async (id) => {
    const row = await db.first(jobById, { id })
    return row === undefined ? undefined : storedJob(row)
  },
  jobs: async ({ kind = '', state, key, before = Number.MAX_SAFE_INTEGER, limit }: JobsQuery) => {
    const filter = { kind, state: state ?? '', before, limit }
    const rows = key === undefined ? await db.all(newest, filter) : await db.all(newestOfKey, { ...filter, key })
    return rows.map(storedJob)
  },
  openJobs: async (limit) => (await db.all(openOnes, { limit })).map(storedJob),
})

const parsed = (text: string): JsonObject => {
  const value: unknown = JSON.parse(text)
  return isJsonObject(value) ? value : {}
}

const storedJob = (row: Omit<JobRow, 'job'> & { readonly job: number }): StoredJob => ({
  job: row.job,
  id: row.id,
  kind: row.kind,
  key: row.job_key ?? undefined,
  by: row.started_by as UserId | 'operator',
  params: parsed(row.params),
  state: row.state,
  progress: parsed(row.progress),
  result: row.result === null ? undefined : parsed(row.result),
  error: row.error ?? undefined,
  attempt: row.attempt,
  tries: row.tries,
  createdAtMs: row.created_ms,
  changedAtMs: row.changed_ms,
})
