import type { TestClient } from './client.ts'
import type { SteppedClock } from './stepped-clock.ts'

/**
 * Lets the time of a homeserver pass in steps while something is waited for that takes several timers, each set only when the one before was over. A step waits for a commit, behind those
 * that the timers of the step asked for: the server's leases are renewed, and do not run out because time passes more quickly than the machine works.
 */
export const whileTimePasses = async <Result>(
  clock: SteppedClock,
  { anybody, stepMs }: { readonly anybody: TestClient; readonly stepMs: number },
  wait: () => Promise<Result>,
): Promise<Result> => {
  let over = false
  const end = (): void => {
    over = true
  }
  const waited = wait()
  waited.then(end, end)
  const path = `/v3/user/${encodeURIComponent(anybody.userId)}/account_data/org.example.time`
  for (let step = 0; !over; step += 1) {
    clock.advance(stepMs)
    await anybody.put(path, { step })
  }
  return waited
}
