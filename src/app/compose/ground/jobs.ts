import { type JobKind, JobRunner, Jobs } from '#domain'
import { writers } from '#store'
import type { Ground } from './ground.ts'

export const buildJobs = ({ store, clock, random }: Ground): Jobs =>
  new Jobs({ ...{ clock, random }, reader: store.jobs, writer: writers.jobs, commit: store.commit })

/** Builds the work that does jobs. Does not start it. */
export const buildJobRunner = ({ store, clock, logger }: Ground, jobs: Jobs, kinds: readonly JobKind[]): JobRunner =>
  new JobRunner({
    ...{ clock, logger, jobs, kinds },
    reader: store.jobs,
    writer: writers.jobs,
    commit: store.commit,
    mayGoOn: async (by) => {
      if (by === 'operator') return true
      const starter = await store.accounts.account(by)
      return starter?.admin === true && starter.deactivatedAtMs === undefined
    },
  })
