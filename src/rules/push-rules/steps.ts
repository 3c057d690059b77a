/**
 * The work that judging one event by one user's rules may still take: about as many characters as are looked at. It is counted and not timed, so that the same
 * rules have the same verdict of the same event always.
 */
export interface Steps {
  left: number
}

/**
 * The most work for one event, a few milliseconds: 33 patterns searched for in the longest message. A condition that has no steps left does not hold; the
 * predefined rules need next to none.
 */
const STEPS_AN_EVENT = 2_000_000

export const stepsOfOneEvent = (): Steps => ({ left: STEPS_AN_EVENT })

/** Whether there were that many steps left; they are taken. */
export const spend = (steps: Steps, cost: number): boolean => {
  if (steps.left < cost) return false
  steps.left -= cost
  return true
}
