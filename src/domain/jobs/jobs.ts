import type { Clock, Random } from '#base'
import { type JsonObject, MatrixError, type UserId } from '#spec'
import {
  type Change,
  type Commit,
  type JobsQuery,
  type JobsReader,
  type JobsWriter,
  type StoredJob,
  WriteConflict,
} from '#store'
import type { JobKind } from './job-kind.ts'

/** Jobs that have not ended; more are refused. */
const MAX_OPEN = 1_000
const ID_LENGTH = 24
/** For those who wait for the end of a job. */
const LOOK_EVERY_MS = 50

export interface StartOptions {
  readonly by: UserId | 'operator'
  /** Only one job of a kind and key is open at a time. */
  readonly key?: string
  /** Committed with the new job: a note of who started it. */
  readonly also?: readonly Change<unknown>[]
}

export interface JobsParts {
  readonly reader: JobsReader
  readonly writer: JobsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly random: Random
}

/** Long work that outlives the process: what there is, and how it begins and ends before its time. */
export class Jobs {
  readonly #parts: JobsParts
  #changed: (id: string) => void = () => undefined

  constructor(parts: JobsParts) {
    this.#parts = parts
  }

  /** Calls `changed` after each job that this process started or cancelled. One listener: the runner. */
  onChange(changed: (id: string) => void): void {
    this.#changed = changed
  }

  /**
   * Starts a job and returns its id, or that of the open job with the same kind and key. It is durable when this resolves. Throws `M_LIMIT_EXCEEDED`
   * where a thousand are open.
   */
  async start<Params extends JsonObject>(
    kind: Pick<JobKind<Params>, 'name'>,
    params: Params,
    { by, key, also = [] }: StartOptions,
  ): Promise<string> {
    const { writer, commit, clock, random } = this.#parts
    const id = random.token(ID_LENGTH)
    const job = { ...{ id, kind: kind.name, key, by }, params: params as JsonObject, createdAtMs: clock.nowMs() }
    const started = await commit([writer.add(job, MAX_OPEN), ...also]).then(
      ([stored]) => stored as string,
      (error: unknown) => {
        if (!(error instanceof WriteConflict) || error.kind !== 'too-many-jobs') throw error
        throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many jobs are waiting; try again when some have ended')
      },
    )
    this.#changed(started)
    return started
  }

  get(id: string): Promise<StoredJob | undefined> {
    return this.#parts.reader.job(id)
  }

  /** Newest first. */
  list(query: JobsQuery): Promise<readonly StoredJob[]> {
    return this.#parts.reader.jobs(query)
  }

  /** Waits until the job has ended, or the signal aborts. Returns the job as it is then. */
  async ended(id: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    for (;;) {
      const job = await this.get(id)
      if (job === undefined || signal.aborted || (job.state !== 'scheduled' && job.state !== 'active')) return job
      await new Promise<void>((resolve) => this.#parts.clock.after(LOOK_EVERY_MS, resolve))
    }
  }

  /** Ends an open job. What it has done stays done. Returns whether it was open. */
  async cancel(id: string, also: readonly Change<unknown>[] = []): Promise<boolean> {
    const { writer, commit, clock } = this.#parts
    const [wasOpen] = await commit([writer.cancel(id, clock.nowMs()), ...also])
    this.#changed(id)
    return wasOpen as boolean
  }
}
