import { nowMs } from './now.ts'

/** What one measured stretch yields, before it is summarised. */
export type Stretch = {
  operations: number
  errors: number
  /** Refusals with 429: the target limits rates, and the figure shows its limit rather than its speed. */
  limited: number
  firstError?: string
  elapsedMs: number
  latenciesMs: number[]
  /** Bytes of the answers, where a scenario counts them. */
  answerBytes?: number
  /** Things moved per operation added up (events paged through, rooms synced), where a scenario counts them. */
  items?: { count: number; unit: string }
}

export type WorkerPlan = {
  workers: number
  seconds: number
}

export function emptyStretch(): Stretch {
  return { operations: 0, errors: 0, limited: 0, elapsedMs: 0, latenciesMs: [] }
}

/** After so many failures in a row the target is taken for broken, and the stretch ends. */
const failuresInARow = 20

/**
 * A closed loop: each worker starts its next operation when its last one is answered. Operations under way at the deadline are
 * finished and counted, and the time they take is counted too.
 */
export async function runWorkers(plan: WorkerPlan, operation: (worker: number) => Promise<void>): Promise<Stretch> {
  const stretch = emptyStretch()
  const startMs = nowMs()
  const deadlineMs = startMs + plan.seconds * 1000
  let inARow = 0
  const work = async (worker: number): Promise<void> => {
    while (inARow < failuresInARow) {
      const beforeMs = nowMs()
      if (beforeMs >= deadlineMs) return
      try {
        await operation(worker)
        stretch.latenciesMs.push(nowMs() - beforeMs)
        stretch.operations += 1
        inARow = 0
      } catch (error) {
        inARow += 1
        noteFailure(stretch, error)
      }
    }
  }
  await Promise.all(Array.from({ length: plan.workers }, (_, worker) => work(worker)))
  stretch.elapsedMs = nowMs() - startMs
  return stretch
}

export function noteFailure(stretch: Stretch, error: unknown): void {
  stretch.errors += 1
  if (error instanceof Error && 'status' in error && error.status === 429) stretch.limited += 1
  stretch.firstError ??= error instanceof Error ? error.message : String(error)
}

/** Runs `task` for every item, at most `width` at a time; the first failure rejects. For setting scenes up, not for measuring. */
export async function eachOf<T>(items: readonly T[], width: number, task: (item: T, index: number) => Promise<void>) {
  let next = 0
  const lane = async (): Promise<void> => {
    for (;;) {
      const index = next++
      if (index >= items.length) return
      await task(items[index] as T, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
}
