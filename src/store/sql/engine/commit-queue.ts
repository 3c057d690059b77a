import type { Clock, Logger } from '#base'
import { type Change, type Commit, type Committed, type Outputs, WriteConflict } from '../../ports/engine/change.ts'
import { StoreUnavailable, type UnavailableReason, UnstorableText } from '../../ports/engine/faults.ts'
import { type CommitRequest, type GroupResult, type Outcome, outcomeOf } from './group.ts'
import { Histogram, type HistogramValues } from './histogram.ts'

/** A commit on its way to the writer. */
export interface Submitted {
  readonly id: number
  readonly changes: CommitRequest
}

/** The writer's answer for one group. */
export interface GroupAnswer extends GroupResult {
  readonly ids: readonly number[]
}

export interface CommitStats {
  /** Commits that wait or are being written. */
  readonly queueLength: number
  readonly conflicts: number
  readonly failures: number
  readonly groupSizes: HistogramValues
  /** From the call to the answer, in milliseconds. */
  readonly commitMs: HistogramValues
}

interface Pending {
  readonly resolve: (outputs: readonly unknown[]) => void
  readonly reject: (error: Error) => void
  readonly startedMs: number
}

/** Commits that may wait. Beyond it a quick refusal is better than a late answer. */
const MAX_PENDING = 20_000
/** Time until an empty commit asks what became of a commit without an answer, unless another commit does so first. */
const ASK_AGAIN_MS = 250

/** The serving thread's end of the writer: keeps the promises of commits under way, and calls listeners before it settles them. */
export class CommitQueue {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Set<(committed: Committed) => void>()
  readonly #groupSizes = new Histogram([1, 2, 4, 8, 16, 32, 64, 128, 256])
  readonly #commitMs = new Histogram([0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1_000, 5_000])
  #send: (submitted: Submitted) => void
  #whenIdle: (() => void)[] = []
  #closed = false
  #asking = false
  #lastId = 0
  #conflicts = 0
  #failures = 0

  constructor(clock: Clock, logger: Logger, send: (submitted: Submitted) => void) {
    this.#clock = clock
    this.#logger = logger
    this.#send = send
  }

  readonly commit: Commit = <const Changes extends readonly Change<unknown>[]>(changes: Changes) =>
    new Promise<Outputs<Changes>>((resolve, reject) => {
      if (this.#closed) throw new StoreUnavailable('closed', 'the store is closing')
      if (this.#pending.size >= MAX_PENDING) throw new StoreUnavailable('overloaded', `${MAX_PENDING} commits wait`)
      const id = ++this.#lastId
      this.#pending.set(id, {
        resolve: (outputs) => resolve(outputs as Outputs<Changes>),
        reject,
        startedMs: this.#clock.monotonicMs(),
      })
      try {
        this.#send({ id, changes })
      } catch (error) {
        this.#pending.delete(id)
        throw error
      }
    })

  onCommitted(listener: (committed: Committed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  settle({ ids, outcomes, committed, inDoubt }: GroupAnswer): void {
    this.#groupSizes.add(ids.length)
    if (inDoubt) this.#askAgain()
    if (committed !== undefined) this.#tell(committed)
    ids.forEach((id, index) => {
      const outcome = outcomes[index]
      if (outcome !== undefined) this.#settleOne(id, outcome)
    })
    this.#checkIdle()
  }

  /** Fails a commit that cannot be handed over. */
  refuse(id: number, error: unknown): void {
    this.#settleOne(id, outcomeOf(error))
    this.#checkIdle()
  }

  /** Fails all commits under way, because the writer is gone: each may have been done or not. */
  failAll(reason: UnavailableReason, detail: string): void {
    for (const id of [...this.#pending.keys()]) this.#settleOne(id, { kind: 'unavailable', reason, detail })
    this.#checkIdle()
  }

  /** Refuses new commits, and resolves when all accepted ones are answered. */
  close(): Promise<void> {
    this.#closed = true
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
      this.#checkIdle()
    })
  }

  stats(): CommitStats {
    return {
      queueLength: this.#pending.size,
      conflicts: this.#conflicts,
      failures: this.#failures,
      groupSizes: this.#groupSizes.values(),
      commitMs: this.#commitMs.values(),
    }
  }

  /** Makes an empty commit. If that fails too, the doubt remains and this runs again. */
  #askAgain(): void {
    if (this.#asking) return
    this.#asking = true
    this.#clock.after(ASK_AGAIN_MS, () => {
      this.#asking = false
      this.commit([]).catch(() => {})
    })
  }

  #tell(committed: Committed): void {
    for (const listener of this.#listeners) {
      try {
        listener(committed)
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener to commits threw')
      }
    }
  }

  #settleOne(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    this.#commitMs.add(this.#clock.monotonicMs() - pending.startedMs)
    switch (outcome.kind) {
      case 'done':
        pending.resolve(outcome.outputs)
        return
      case 'conflict':
        this.#conflicts++
        pending.reject(new WriteConflict(outcome.conflict, outcome.detail))
        return
      case 'unavailable':
        this.#failures++
        pending.reject(new StoreUnavailable(outcome.reason, outcome.detail))
        return
      case 'unstorable':
        this.#failures++
        pending.reject(new UnstorableText())
        return
      case 'failed':
        this.#failures++
        pending.reject(errorFrom(outcome))
    }
  }

  #checkIdle(): void {
    if (this.#pending.size > 0) return
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

const errorFrom = ({ message, stack }: { readonly message: string; readonly stack: string }): Error => {
  const error = new Error(message)
  error.stack = stack
  return error
}
