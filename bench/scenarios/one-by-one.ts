import { nowMs } from '../measure/now.ts'
import { emptyStretch, type Stretch } from '../measure/workers.ts'

const LEAST_MESSAGES = 3

/** Sends messages one after another for so long, at least three; the first failure ends it. */
export async function oneByOne(seconds: number, sendOnce: (stretch: Stretch) => Promise<void>): Promise<Stretch> {
  const stretch = emptyStretch()
  const startMs = nowMs()
  const deadlineMs = startMs + seconds * 1000
  for (let sent = 0; (sent < LEAST_MESSAGES || nowMs() < deadlineMs) && stretch.errors === 0; sent += 1) {
    await sendOnce(stretch)
  }
  stretch.elapsedMs = nowMs() - startMs
  return stretch
}
