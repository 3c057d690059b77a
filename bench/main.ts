import { writeFileSync } from 'node:fs'
import { measureBusy } from './busy/busy.ts'
import { measureFederation } from './federation/federation.ts'
import { measureGrowth } from './growth/growth.ts'
import { measureHostile } from './hostile/hostile.ts'
import { renderSvg } from './report/svg.ts'
import { renderText } from './report/text.ts'
import { type Options, type Parsed, parseOptions } from './run/options.ts'
import { runBench } from './run/run.ts'
import { scenarios } from './scenarios/index.ts'
import { measureSliding } from './sliding/sliding.ts'

/** `npm run bench -- --target http://127.0.0.1:8008 …`: tables to standard output, progress to standard error. */
async function bench(options: Options): Promise<void> {
  const wanted = scenarios.filter((scenario) => options.only.includes(scenario.name))
  const report = await runBench(options, wanted, (line) => process.stderr.write(`${line}\n`))
  process.stdout.write(renderText(report, wanted))
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  if (options.svg !== undefined) writeFileSync(options.svg, renderSvg(report, wanted))
}

/** Measurements on servers that the bench starts itself. */
function measureAlone(
  parsed: Extract<Parsed, { kind: 'growth' | 'sliding' | 'federation' | 'hostile' | 'busy' }>,
  progress: (line: string) => void,
): Promise<{ readonly text: string; readonly failed: boolean }> {
  switch (parsed.kind) {
    case 'growth':
      return measureGrowth(parsed, progress)
    case 'sliding':
      return measureSliding(parsed, progress)
    case 'federation':
      return measureFederation(parsed, progress)
    case 'hostile':
      return measureHostile(parsed, progress)
    case 'busy':
      return measureBusy(parsed, progress)
  }
}

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(exitCode))
}

const parsed = parseOptions(process.argv.slice(2))
switch (parsed.kind) {
  case 'message':
    process.stderr.write(parsed.text)
    process.exitCode = parsed.exitCode
    break
  case 'list':
    for (const scenario of scenarios) process.stdout.write(`${scenario.name.padEnd(18)}${scenario.title}\n`)
    process.stdout.write(
      `${'growth'.padEnd(18)}how the cost of each operation grows with members, rooms, events and users\n`,
    )
    process.stdout.write(
      `${'sliding'.padEnd(18)}what sliding sync costs with thousands of rooms, on an old connection, and beside /sync\n`,
    )
    process.stdout.write(`${'federation'.padEnd(18)}what joins of large rooms of other servers cost\n`)
    process.stdout.write(`${'hostile'.padEnd(18)}what two people notice of an account that attacks the server\n`)
    process.stdout.write(
      `${'busy'.padEnd(18)}what sends notice while others upload, sync for the first time and register\n`,
    )
    break
  case 'growth':
  case 'sliding':
  case 'federation':
  case 'hostile':
  case 'busy':
    try {
      const { text, failed } = await measureAlone(parsed, (line) => void process.stderr.write(`${line}\n`))
      process.stdout.write(text)
      if (failed) process.exitCode = 1
    } catch (error) {
      process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    }
    break
  case 'run':
    try {
      await bench(parsed.options)
    } catch (error) {
      process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    }
    break
}
