import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** V8 lets a heap grow to a multiple of what was in use after a collection; 0 leaves the choice to it. */
const SOONER_PERCENT = 80
const AS_USUAL_PERCENT = 0

/**
 * Gives back the memory that a start leaves behind, 12 MB of some 155: what was compiled to run once, and what was read to be parsed. It stops the process for some 60 ms, so it is
 * for the moment when a server begins to listen. The next collection comes before the heap has doubled.
 */
export const releaseMemory = (): void => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: Readonly<Record<string, string>>) => void
  setFlagsFromString('--no-expose-gc')
  growBy(SOONER_PERCENT)
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  growBy(AS_USUAL_PERCENT)
}

let wanted = 0

/**
 * Has garbage collected before the heap has doubled, and not only when it has grown several times over: for work that makes far more than it keeps, and
 * takes seconds of processor time. It counts from the next collection on, as to begin with one would stop the process. Returns what ends it.
 */
export const collectSooner = (): (() => void) => {
  if (wanted++ === 0) growBy(SOONER_PERCENT)
  let isOver = false
  return () => {
    if (isOver) return
    isOver = true
    if (--wanted === 0) growBy(AS_USUAL_PERCENT)
  }
}

const growBy = (percent: number): void => setFlagsFromString(`--heap-growing-percent=${percent}`)
