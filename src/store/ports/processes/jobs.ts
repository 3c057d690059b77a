import type { JsonObject, UserId } from '#spec'
import type { Change } from '../engine/change.ts'

export const JOB_STATES = ['scheduled', 'active', 'complete', 'failed', 'cancelled'] as const
export type JobState = (typeof JOB_STATES)[number]

/** A job to be done. */
export interface NewJob {
  readonly id: string
  readonly kind: string
  /** Only one job of a kind and key is open at a time. undefined: any number. */
  readonly key: string | undefined
  readonly by: UserId | 'operator'
  readonly params: JsonObject
  readonly createdAtMs: number
}

export interface StoredJob extends NewJob {
  /** Grows with each job; what a list is paged by. */
  readonly job: number
  readonly state: JobState
  readonly progress: JsonObject
  /** The result of a job that is complete. */
  readonly result: JsonObject | undefined
  /** Words for an administrator. Of a job that failed. */
  readonly error: string | undefined
  /** Counts the beginnings: only the newest one may write. */
  readonly attempt: number
  /** Beginnings since progress was last saved. */
  readonly tries: number
  readonly changedAtMs: number
}

export interface JobsQuery {
  readonly kind?: string | undefined
  readonly state?: JobState | undefined
  readonly key?: string | undefined
  /** Only jobs with a lower number. */
  readonly before?: number | undefined
  readonly limit: number
}

export interface JobsReader {
  job(id: string): Promise<StoredJob | undefined>
  /** Newest first. */
  jobs(query: JobsQuery): Promise<readonly StoredJob[]>
  /** Jobs that have not ended, oldest first. */
  openJobs(limit: number): Promise<readonly StoredJob[]>
}

/** Names the beginning of a job that writes. */
export interface JobAttempt {
  readonly id: string
  readonly attempt: number
  readonly nowMs: number
}

export interface JobsWriter {
  /** Returns the id of the open job of the same kind and key, or of the new one. Conflict: `too-many-jobs`, where more than `limit` are open. */
  add(job: NewJob, limit: number): Change<string>
  /** Takes an open job for the next attempt. Returns whether it is still open and was at `attempt` before. */
  begin(attempt: JobAttempt): Change<boolean>
  /** Conflict: `job-taken`, where the job is not active any more, or begun anew. */
  save(attempt: JobAttempt, progress: JsonObject): Change<void>
  /** Conflict: `job-taken`. */
  complete(attempt: JobAttempt, result: JsonObject): Change<void>
  /** Conflict: `job-taken`. */
  fail(attempt: JobAttempt, error: string): Change<void>
  /** Returns whether the job was open. */
  cancel(id: string, nowMs: number): Change<boolean>
  /** Removes ended jobs: those that ended before a time, and the oldest beyond a number. At most `limit` of each. Returns whether there may be more. */
  sweep(input: { readonly endedBeforeMs: number; readonly keep: number; readonly limit: number }): Change<boolean>
}
