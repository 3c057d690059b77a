/** Waiting is what a test of processes is about: until a random moment comes, or until a process got somewhere. */
export const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs))

/** Asks again and again until the answer is not undefined. Throws with `what` when the time is over. */
export const until = async <Found>(
  what: string,
  withinMs: number,
  look: () => Promise<Found | undefined>,
): Promise<Found> => {
  const deadlineMs = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadlineMs) throw new Error(`within ${withinMs} ms this did not happen: ${what}`)
    await pause(10)
  }
}
