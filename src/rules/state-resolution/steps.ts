/** Work that may be interrupted at each `yield`, so that whoever drives it can let others run in between. */
export type ResolutionSteps<Value> = Generator<undefined, Value, undefined>

/** Does all of the work at once. */
export const toTheEnd = <Value>(steps: ResolutionSteps<Value>): Value => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
