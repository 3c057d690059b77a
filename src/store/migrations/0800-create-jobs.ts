import { type Migration, table } from '../sql/engine/schema.ts'

export const createJobs: Migration = {
  name: '0800-create-jobs',
  statements: ({ integer, text, lastingKey }) => [
    table(
      'jobs',
      {
        owner: 'domain/jobs; long work that outlives the process',
        rowsGo: 'some time after it ended, the oldest first',
      },
      `job ${lastingKey}`,
      `id ${text} not null unique`,
      `kind ${text} not null`,
      `job_key ${text} /* null: there may be several */`,
      `started_by ${text} not null`,
      `params ${text} not null`,
      `state ${text} not null`,
      `progress ${text} not null`,
      `result ${text}`,
      `error ${text}`,
      `attempt ${integer} not null /* counts the beginnings: only the newest one may write */`,
      `tries ${integer} not null /* beginnings since progress was last saved */`,
      `created_ms ${integer} not null`,
      `changed_ms ${integer} not null`,
    ),
    `create index jobs_open on jobs (job) where state in ('scheduled', 'active')`,
    `create unique index jobs_one_open on jobs (kind, job_key) where state in ('scheduled', 'active')`,
    'create index jobs_of_key on jobs (job_key, job)',
    'create index jobs_ended on jobs (changed_ms)',
  ],
}
