import type { Clock, Unavailable } from '#base'
import { MatrixError } from '#spec'

export interface AnswerBudgetLimits {
  /** Bytes for one user, or for one address without a user. */
  readonly bytesOfOne: number
  readonly bytesOfAll: number
  /** Answers of one user that wait for room, and those of all. */
  readonly waitingOfOne: number
  readonly waitingOfAll: number
  readonly waitMs: number
}

const RETRY_MS = 5_000

class TooManyAnswers extends Error implements Unavailable {
  override readonly name = 'TooManyAnswers'
  readonly retryAfterMs = RETRY_MS
}

interface WaitingAnswer {
  readonly key: string
  readonly bytes: number
  readonly go: (release: () => void) => void
}

/**
 * Bounds the bytes of all answers that are made or sent and were not taken by their clients yet: for each user, so that one who asks for much at once
 * waits for themselves, and for all. An answer larger than a limit is let through where nothing else of that user is under way.
 */
export class AnswerBudget {
  readonly #clock: Clock
  readonly #limits: AnswerBudgetLimits
  readonly #bytes = new Map<string, number>()
  #allBytes = 0
  /** In the order of their arrival. */
  readonly #waiting = new Set<WaitingAnswer>()

  constructor(clock: Clock, limits: AnswerBudgetLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Answers that wait for room. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Counts bytes that are there already. Returns what to call once when the client has them. Throws 429 or 503 if there is no room. */
  takeNow(key: string, bytes: number): () => void {
    const refusal = this.#refusal(key, bytes)
    if (refusal !== undefined) throw refusal
    return this.#taken(key, bytes)
  }

  /** The same for an answer that is not made yet: waits for room, and throws 429 or 503 if none comes in time, or the client is `gone`. */
  take(key: string, bytes: number, gone: AbortSignal): Promise<() => void> {
    const refusal = this.#refusal(key, bytes)
    if (refusal === undefined) return Promise.resolve(this.#taken(key, bytes))
    const { waitingOfOne, waitingOfAll, waitMs } = this.#limits
    const own = [...this.#waiting].filter((one) => one.key === key).length
    if (own >= waitingOfOne || this.#waiting.size >= waitingOfAll) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        cancel()
        gone.removeEventListener('abort', giveUp)
        this.#waiting.delete(waiting)
        reject(refusal)
      }
      const cancel = this.#clock.after(waitMs, giveUp)
      gone.addEventListener('abort', giveUp)
      const go = (release: () => void): void => {
        cancel()
        gone.removeEventListener('abort', giveUp)
        resolve(release)
      }
      const waiting: WaitingAnswer = { key, bytes, go }
      this.#waiting.add(waiting)
    })
  }

  #refusal(key: string, bytes: number): Error | undefined {
    const { bytesOfOne, bytesOfAll } = this.#limits
    const own = this.#bytes.get(key) ?? 0
    if (own > 0 && own + bytes > bytesOfOne) {
      return new MatrixError('M_LIMIT_EXCEEDED', 'Too many large answers at once', {
        fields: { retry_after_ms: RETRY_MS },
        headers: { 'Retry-After': String(RETRY_MS / 1_000) },
      })
    }
    return this.#allBytes > 0 && this.#allBytes + bytes > bytesOfAll
      ? new TooManyAnswers('too many large answers at once')
      : undefined
  }

  #taken(key: string, bytes: number): () => void {
    this.#change(key, bytes)
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#change(key, -bytes)
      this.#letIn()
    }
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      const { key, bytes, go } = waiting
      if (this.#refusal(key, bytes) !== undefined) continue
      this.#waiting.delete(waiting)
      go(this.#taken(key, bytes))
    }
  }

  #change(key: string, by: number): void {
    const bytes = (this.#bytes.get(key) ?? 0) + by
    if (bytes === 0) this.#bytes.delete(key)
    else this.#bytes.set(key, bytes)
    this.#allBytes += by
  }
}
