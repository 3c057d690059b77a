import { readdir, readFile } from 'node:fs/promises'
import { getPriority, setPriority } from 'node:os'

/** The kernel's name for the threads of Node's pool. */
const POOL = 'libuv-worker'
const NICER = 10
const NICEST = 19
const TASKS = '/proc/self/task'

/**
 * Lets the event loop, the writer and the readers go before Node's pool of threads, which hashes passwords and writes uploaded files: on one core a send
 * would wait behind every hash. What the others leave is still the pool's. Only Linux has priorities of threads; elsewhere, and where the pool cannot be told
 * from the others, nothing changes.
 */
export const lowerPoolPriority = async (): Promise<void> => {
  // Reading them makes the pool, where nothing did before.
  for (const task of await readdir(TASKS).catch(() => [])) {
    const name = await readFile(`${TASKS}/${task}/comm`, 'utf8').catch(() => '')
    if (name.trim() !== POOL) continue
    try {
      setPriority(Number(task), Math.min(NICEST, getPriority() + NICER))
    } catch {
      // It has ended, or this process may not.
    }
  }
}
