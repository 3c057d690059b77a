/** The source of time. It is passed in everywhere, so that tests use a clock of their own and need no sleeps. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may step backwards when the machine's clock is set. */
  nowMs(): number
  /** Milliseconds from an arbitrary start; never steps back. For measuring how long something takes. */
  monotonicMs(): number
  /** Calls `fire` once after `delayMs`; the returned function cancels it. A timer never keeps the process alive. */
  after(delayMs: number, fire: () => void): () => void
  /** Calls `fire` after the event loop has served everything that is ready now. Long work is cut into slices with it. */
  soon(fire: () => void): void
}

/** Lets the event loop serve others before the caller goes on. */
export const yieldToEventLoop = (clock: Clock): Promise<void> => new Promise((resolve) => clock.soon(resolve))

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
  soon: (fire) => {
    setImmediate(fire)
  },
}
