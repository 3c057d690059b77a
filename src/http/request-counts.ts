import type { Observe } from './serving/serving.ts'

/** Requests that were answered since the process started, as plain numbers. */
export class RequestCounts {
  /** Counts long polls too, when they are answered. */
  answered = 0
  /** Requests that the server could not answer: statuses from 500. */
  failed = 0
  /** Events that clients sent. */
  sent = 0
  /** Requests that do not wait for news, and the time that they took. */
  prompt = 0
  promptMs = 0

  /** Counts, and tells another observer too. */
  observer(also: Observe | undefined): Observe {
    return (method, path) => {
      const tell = also?.(method, path)
      const sends = method === 'PUT' && (path.includes('/send/') || path.includes('/state/'))
      const waits = /\/(?:sync|events)$/.test(path)
      return (status, durationMs) => {
        this.answered += 1
        if (status >= 500) this.failed += 1
        else if (sends && status === 200) this.sent += 1
        if (!waits) {
          this.prompt += 1
          this.promptMs += durationMs
        }
        tell?.(status, durationMs)
      }
    }
  }
}
