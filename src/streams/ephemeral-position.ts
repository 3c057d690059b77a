/**
 * Positions of streams in memory. They say when a change was taken in by which process: milliseconds of the clock times `PROCESSES`, plus
 * the number of the process. Within a process they only grow, also where the clock stands still or is set back.
 */

/** Numbers of processes are below this. Positions stay exact until the year 2248. */
export const PROCESSES = 1024

/** The clocks of processes may differ by so much, the way of news between them included. */
const MARGIN_MS = 5_000

export const firstPosition = (nowMs: number, process: number): number => Math.floor(nowMs) * PROCESSES + process

export const nextPosition = (last: number, nowMs: number, process: number): number =>
  Math.max(last + PROCESSES, firstPosition(nowMs, process))

/**
 * The position from which a client goes on here. Each process takes in a change at a position of its own, so a position of another
 * process, or one of before this scheme, is taken back by the margin: some changes are told twice, which does no harm, and none is left
 * out. A position ahead of `now` means that the clock was set back: everything is told.
 */
export const resumedFrom = (position: number, now: number, process: number): number => {
  const from = position % PROCESSES === process ? position : Math.max(0, position - MARGIN_MS * PROCESSES)
  return from > now ? 0 : from
}
