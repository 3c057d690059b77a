import { Chore, type Clock, isUnavailable, type Logger } from '#base'
import { MatrixError } from '#spec'
import {
  type Change,
  type Commit,
  type JobAttempt,
  type JobsReader,
  type JobsWriter,
  type StoredJob,
  WriteConflict,
} from '#store'
import { type JobKind, JobStopped } from './job-kind.ts'
import type { Jobs } from './jobs.ts'

const LOOK_EVERY_MS = 60_000
const AT_ONCE = 3
/** Open jobs looked at in one round. */
const LOOKED_AT = 1_000
const MAX_TRIES = 10
const KEPT = 1_000
const KEPT_MS = 7 * 86_400_000
const SWEPT_AT_ONCE = 500

interface Run {
  readonly kind: string
  readonly key: string | undefined
  readonly abort: AbortController
  readonly ended: Promise<void>
}

export interface JobRunnerParts {
  readonly jobs: Jobs
  readonly kinds: readonly JobKind[]
  readonly reader: JobsReader
  readonly writer: JobsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  /** Whether jobs of whoever started this one may go on: not those of somebody who lost the right to administer. */
  mayGoOn(by: StoredJob['by']): Promise<boolean>
}

/** Does the jobs, a few at a time and the oldest first. One process of the homeserver has the lease for it. */
export class JobRunner {
  readonly #parts: JobRunnerParts
  readonly #kinds: ReadonlyMap<string, JobKind>
  readonly #chore: Chore
  readonly #runs = new Map<string, Run>()

  constructor(parts: JobRunnerParts) {
    this.#parts = parts
    this.#kinds = new Map(parts.kinds.map((kind) => [kind.name, kind]))
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: LOOK_EVERY_MS,
      failure: 'jobs could not be looked for; tried again in a minute',
      round: () => this.#round(),
    })
    parts.jobs.onChange((id) => this.#chore.stopped || void this.#look(id))
  }

  /** Begins: goes on with the jobs that another process left, and waits for new ones. */
  start(): void {
    this.#chore.start()
  }

  /** Interrupts the jobs. Resolves when none writes any more; they go on when somebody starts this again. */
  async stop(): Promise<void> {
    const ended = this.#chore.stop()
    for (const { abort } of this.#runs.values()) abort.abort()
    await ended
    // A round that was under way may have begun one.
    for (const { abort } of this.#runs.values()) abort.abort()
    await Promise.all([...this.#runs.values()].map((run) => run.ended))
  }

  async #look(id: string): Promise<void> {
    const run = this.#runs.get(id)
    if (run !== undefined && (await this.#parts.reader.job(id))?.state === 'cancelled') run.abort.abort()
    this.#chore.hurry()
  }

  async #round(): Promise<void> {
    const { reader, writer, commit, clock } = this.#parts
    for (const job of await reader.openJobs(LOOKED_AT)) {
      if (this.#chore.stopped || this.#runs.size >= AT_ONCE) break
      if (!this.#isBusyWith(job)) await this.#begin(job)
    }
    await this.#chore.inPieces(async () => {
      const endedBeforeMs = clock.nowMs() - KEPT_MS
      return (await commit([writer.sweep({ endedBeforeMs, keep: KEPT, limit: SWEPT_AT_ONCE })]))[0]
    })
  }

  /** Also of a job whose cancelled predecessor with the same key is just ending. */
  #isBusyWith({ id, kind, key }: StoredJob): boolean {
    if (this.#runs.has(id)) return true
    return key !== undefined && [...this.#runs.values()].some((run) => run.kind === kind && run.key === key)
  }

  async #begin(job: StoredJob): Promise<void> {
    const { writer, commit, clock } = this.#parts
    const [isOurs] = await commit([writer.begin({ id: job.id, attempt: job.attempt, nowMs: clock.nowMs() })])
    if (!isOurs) return
    const abort = new AbortController()
    const ended = this.#run(job, abort).then(
      () => this.#forget(job.id).hurry(),
      // The job goes on with the next round, not at once.
      (error: unknown) => {
        this.#forget(job.id)
        this.#parts.logger.warn({ err: error, job: job.id }, 'a job waits for a fault to pass')
      },
    )
    this.#runs.set(job.id, { kind: job.kind, key: job.key, abort, ended })
  }

  #forget(id: string): Chore {
    this.#runs.delete(id)
    return this.#chore
  }

  async #run(job: StoredJob, abort: AbortController): Promise<void> {
    const { writer, logger } = this.#parts
    const own = (): JobAttempt => ({ id: job.id, attempt: job.attempt + 1, nowMs: this.#parts.clock.nowMs() })
    const kind = this.#kinds.get(job.kind)
    if (kind === undefined) return this.#end(writer.fail(own(), `This version knows no job of the kind ${job.kind}`))
    if (job.tries >= MAX_TRIES) return this.#end(writer.fail(own(), `Begun ${MAX_TRIES} times, and never got anywhere`))
    try {
      await this.#mindStarter(job)
      const result = await kind.run(job.params, {
        id: job.id,
        progress: job.progress,
        signal: abort.signal,
        save: async (progress) => {
          await this.#save(writer.save(own(), progress), abort)
          await this.#mindStarter(job)
        },
      })
      await this.#end(writer.complete(own(), result))
    } catch (error) {
      if (error instanceof JobStopped || abort.signal.aborted) return
      if (isUnavailable(error)) throw error
      logger.error({ err: error, job: job.id, kind: job.kind }, 'a job failed')
      await this.#end(writer.fail(own(), wordsOf(error)))
    }
  }

  /** Throws `M_FORBIDDEN`, with which the job fails. */
  async #mindStarter({ by }: StoredJob): Promise<void> {
    if (await this.#parts.mayGoOn(by)) return
    throw new MatrixError('M_FORBIDDEN', 'Whoever started it may not administer the server any more')
  }

  async #save(saving: Change<void>, abort: AbortController): Promise<void> {
    try {
      await this.#parts.commit([saving])
    } catch (error) {
      if (!(error instanceof WriteConflict && error.kind === 'job-taken')) throw error
      abort.abort()
    }
    if (abort.signal.aborted) throw new JobStopped()
  }

  /** The outcome of a job that was cancelled, or taken over, meanwhile is told nowhere. */
  async #end(ending: Change<void>): Promise<void> {
    try {
      await this.#parts.commit([ending])
    } catch (error) {
      if (!(error instanceof WriteConflict && error.kind === 'job-taken')) throw error
    }
  }
}

const wordsOf = (error: unknown): string =>
  error instanceof MatrixError ? error.message : 'It failed for a reason that the log of the server has'
