import { runWorkers } from '../measure/workers.ts'
import type { Case, Scenario } from './scenario.ts'

const registrars = [1, 10] as const

/** A registration is all of its requests: with open registration the refused first call and the completing second. */
export const registerUsers: Scenario = {
  name: 'register',
  title: 'Registrations',
  unit: 'registrations',
  shows: 'rate',
  cases: ({ target, seconds }) =>
    registrars.map(
      (workers): Case => ({
        name: workers === 1 ? 'one after another' : `by ${workers} workers`,
        run: () => runWorkers({ workers, seconds }, async () => target.adopt(await target.registerOne())),
      }),
    ),
}
