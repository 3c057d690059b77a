import { runWorkers, type Stretch } from '../measure/workers.ts'
import type { Target } from '../run/target.ts'

/** One after another, by a few, and by enough to fill groups of commits. */
export const sendWorkers = [1, 10, 64] as const

/**
 * A message of ordinary length: with the fields a server adds, its event comes to about 650 bytes. The text carries the marker by
 * which listeners know it.
 */
export function messageBody(marker: string): string {
  return `{"msgtype":"m.text","body":"${marker} The quick brown fox jumps over the lazy dog, and then the dog gets up and goes home."}`
}

/** The rooms that one worker writes to, in turn. */
export type Outlet = { put: (path: string, body: string) => Promise<string>; paths: readonly string[] }

/** Seconds of sending in front of each measured stretch. */
export function warmUpSeconds(seconds: number): number {
  return Math.min(1, seconds / 5)
}

/** Every message has a transaction id of its own, so that none is answered from a server's memory of repeats. */
export function sendLoad(target: Target, outlets: readonly Outlet[], seconds: number): Promise<Stretch> {
  const run = target.unique()
  let sent = 0
  return runWorkers({ workers: outlets.length, seconds }, async (worker) => {
    const outlet = outlets[worker]
    if (outlet === undefined) throw new Error('more workers than outlets')
    const number = sent++
    const path = outlet.paths[number % outlet.paths.length]
    const transaction = `${run}-${number}`
    await outlet.put(path + transaction, messageBody(transaction))
  })
}
