import { parseArgs } from 'node:util'
import { commandFor, simulate } from './simulate.ts'
import { FAULTS } from './world.ts'

/** `npm run simulate -- --seeds N --from SEED [--processes N] [--faults writes,order,news,clients] [--trace] [--keep-going]` */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    faults: { type: 'string', default: FAULTS.join() },
    trace: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
})
const [seeds, from, processes] = [Number(values.seeds), Number(values.from), Number(values.processes)]
const faults = FAULTS.filter((fault) => values.faults.split(',').includes(fault))
let failures = 0
for (let seed = from; seed < from + seeds; seed++) {
  const { trace, failure } = await simulate({ seed, processes, faults })
  if (values.trace) for (const line of trace) console.log(line)
  if (failure === undefined) continue
  failures++
  console.log(`seed ${seed}: ${failure.stack ?? failure.message}`)
  if (!values.trace) console.log(`the decisions: ${commandFor({ seed, processes, faults })}`)
  if (!values['keep-going']) break
}
console.log(`${failures} of ${seeds} seeds from ${from} failed`)
process.exitCode = failures === 0 ? 0 : 1
