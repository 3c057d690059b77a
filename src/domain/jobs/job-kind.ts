import type { JsonObject } from '#spec'

/** A job as its work sees it. */
export interface RunningJob {
  readonly id: string
  /** As saved last, maybe by an earlier process; at first empty. */
  readonly progress: JsonObject
  /** Aborts when the job is cancelled, and when this process stops doing it. Work between two calls of `save` that takes long looks at it. */
  readonly signal: AbortSignal
  /** Makes progress durable. Throws `JobStopped` where the job shall not go on here; the work lets it pass. */
  save(progress: JsonObject): Promise<void>
}

/** One kind of long work. */
export interface JobKind<Params extends JsonObject = JsonObject> {
  /** Stays the same for good: stored jobs name it. */
  readonly name: string
  /** Does the work and returns its result. It goes on from `job.progress`; what was done after the last `save` may be done a second time. */
  run(params: Params, job: RunningJob): Promise<JsonObject>
}

/** The job was cancelled, or another process does it, or this one stops. */
export class JobStopped extends Error {
  override readonly name = 'JobStopped'
}
