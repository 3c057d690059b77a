import { World } from './world.ts'

export interface SimulateOptions {
  readonly seed: number
  readonly processes: number
  /** Whether writes are refused, fail, and lose their answers. */
  readonly writeFaults: boolean
}

export interface Simulated {
  /** One line a decision of the scheduler. */
  readonly trace: readonly string[]
  readonly failure: Error | undefined
}

/** Runs one seed: the same seed makes the same decisions and has the same end. */
export const simulate = async (options: SimulateOptions): Promise<Simulated> => {
  const world = new World({ ...options, operations: 60, overtaking: false, restarts: 2 })
  try {
    await world.run()
    return { trace: world.trace, failure: undefined }
  } catch (error) {
    return { trace: world.trace, failure: error instanceof Error ? error : new Error(String(error)) }
  }
}
