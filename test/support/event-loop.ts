import { readFileSync } from 'node:fs'

/** Milliseconds that this thread has run; where the system does not tell, those that passed. */
const ranMs = (): number => {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
  } catch {
    return performance.now()
  }
}

/** The longest time, in milliseconds, for which the event loop of this process served nobody while the work ran. */
export const longestStepMs = async (work: () => Promise<unknown>): Promise<number> => {
  let longest = 0
  let done = false
  let before = ranMs()
  const look = (): void => {
    const now = ranMs()
    longest = Math.max(longest, now - before)
    before = now
    if (!done) setImmediate(look)
  }
  setImmediate(look)
  try {
    await work()
  } finally {
    done = true
  }
  look()
  return longest
}
