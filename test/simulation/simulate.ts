import { type Fault, World } from './world.ts'

export interface SimulateOptions {
  readonly seed: number
  readonly processes: number
  readonly faults: readonly Fault[]
}

export interface Simulated {
  /** One line a decision of the scheduler. */
  readonly trace: readonly string[]
  readonly failure: Error | undefined
}

/** Runs one seed: the same seed makes the same decisions and has the same end. */
export const simulate = async (options: SimulateOptions): Promise<Simulated> => {
  const world = new World({ ...options, operations: 60, restarts: 2 })
  try {
    await world.run()
    return { trace: world.trace, failure: undefined }
  } catch (error) {
    return { trace: world.trace, failure: error instanceof Error ? error : new Error(String(error)) }
  }
}

/** How to run a seed again by hand, and read its decisions. */
export const commandFor = ({ seed, processes, faults }: SimulateOptions): string => {
  const disturbed = faults.length === 0 ? '' : ` --faults ${faults.join()}`
  return `npm run simulate -- --seeds 1 --from ${seed} --processes ${processes}${disturbed} --trace`
}
