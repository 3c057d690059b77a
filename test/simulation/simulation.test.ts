import { describe, expect, test } from 'vitest'
import { commandFor, type SimulateOptions, simulate } from './simulate.ts'
import { FAULTS } from './world.ts'

const runSeeds = async (options: Omit<SimulateOptions, 'seed'>, from: number, count: number): Promise<void> => {
  for (let seed = from; seed < from + count; seed++) {
    const { failure } = await simulate({ ...options, seed })
    if (failure === undefined) continue
    throw new Error(`seed ${seed} fails; run it again by: ${commandFor({ ...options, seed })}`, { cause: failure })
  }
}

describe('simulated homeservers', () => {
  test('make the same decisions for the same seed, and others for another', async () => {
    const options = { processes: 2, faults: ['order'] as const }
    const [one, same, other] = [
      await simulate({ ...options, seed: 1 }),
      await simulate({ ...options, seed: 1 }),
      await simulate({ ...options, seed: 2 }),
    ]
    expect(one.trace.length).toBeGreaterThan(100)
    expect(same.trace).toEqual(one.trace)
    expect(other.trace).not.toEqual(one.trace)
  })

  test('one process, restarted, with slow reads and writes that fail', { timeout: 180_000 }, () =>
    runSeeds({ processes: 1, faults: ['writes', 'order'] }, 1, 80),
  )

  test('two and three processes, and all that can go wrong between them', { timeout: 180_000 }, async () => {
    await runSeeds({ processes: 2, faults: FAULTS }, 1, 120)
    await runSeeds({ processes: 3, faults: FAULTS }, 1, 30)
  })
})
