import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { FORMS } from './connection.ts'
import { KINDS, type Step, World } from './model/world.ts'

/** Histories; many more are made by hand: `SLIDING_MODEL_RUNS=2000`. */
const RUNS = Number(process.env.SLIDING_MODEL_RUNS ?? 15)
const MS_A_RUN = 10_000

const WEIGHTS: Readonly<Partial<Record<Step['kind'], number>>> = {
  send: 5,
  mine: 4,
  config: 4,
  rest: 4,
  sync: 3,
  receipt: 3,
}

const step: fc.Arbitrary<Step> = fc.oneof(
  ...KINDS.map((kind) => ({
    weight: WEIGHTS[kind] ?? 1,
    arbitrary: fc.record({ kind: fc.constant(kind), room: fc.nat(3), who: fc.nat(5), how: fc.nat(60) }),
  })),
)

describe.each(FORMS)('sliding sync in the %s form', (form) => {
  let homeserver: TestHomeserver
  beforeAll(async () => {
    homeserver = await startHomeserver()
  })
  afterAll(() => homeserver.stop())

  it(
    'gives a client the view that a plain model has, at each rest',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const world = await World.make(homeserver, form)
          for (const one of steps) await world.take(one)
          await world.rest('at the end')
        }),
        { numRuns: RUNS, endOnFailure: RUNS > 15 },
      )
    },
    RUNS * MS_A_RUN,
  )
})
