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

/** The percents that are asked for now, one for each piece of work. */
const wanted = new Map<symbol, number>()

/**
 * Has garbage collected before the heap has grown by so many percent, and not only when it has grown several times over: for work that makes far more than it keeps, and
 * takes seconds of processor time. It counts from the next collection on, as to begin with one would stop the process. Returns what ends it.
 */
export const collectSooner = (percent = SOONER_PERCENT): (() => void) => {
  const work = Symbol('work')
  wanted.set(work, percent)
  growAsWanted()
  return () => {
    if (wanted.delete(work)) growAsWanted()
  }
}

const growAsWanted = (): void => growBy(wanted.size === 0 ? AS_USUAL_PERCENT : Math.min(...wanted.values()))

const growBy = (percent: number): void => setFlagsFromString(`--heap-growing-percent=${percent}`)
