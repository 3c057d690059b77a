import { setTimeout as sleep } from 'node:timers/promises'

/** The one clock of the bench: monotonic milliseconds with a fraction. */
export function nowMs(): number {
  return performance.now()
}

export async function pauseMs(durationMs: number): Promise<void> {
  await sleep(durationMs)
}
