import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

/** `npm run simulate -- --seeds N --from SEED [--processes N] [--write-faults] [--trace] [--keep-going]` */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    'write-faults': { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
})
const [seeds, from, processes] = [Number(values.seeds), Number(values.from), Number(values.processes)]
let failures = 0
for (let seed = from; seed < from + seeds; seed++) {
  const { trace, failure } = await simulate({ seed, processes, writeFaults: values['write-faults'] })
  if (values.trace) for (const line of trace) console.log(line)
  if (failure === undefined) continue
  failures++
  console.log(`seed ${seed}: ${failure.stack ?? failure.message}`)
  const faults = values['write-faults'] ? ' --write-faults' : ''
  const again = `npm run simulate -- --seeds 1 --from ${seed} --processes ${processes}${faults} --trace`
  if (!values.trace) console.log(`the decisions: ${again}`)
  if (!values['keep-going']) break
}
console.log(`${failures} of ${seeds} seeds from ${from} failed`)
process.exitCode = failures === 0 ? 0 : 1
