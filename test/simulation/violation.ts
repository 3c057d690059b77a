/** Something that must hold did not: what the simulator looks for. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export const insist = (holds: boolean, message: () => string): void => {
  if (!holds) throw new Violation(message())
}
