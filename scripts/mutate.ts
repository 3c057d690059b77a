import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { type TestOutcome, WorkingCopy } from './mutation/copy.ts'
import { type Mutant, mutantsOf } from './mutation/mutants.ts'
import { testsOf } from './mutation/tests-of.ts'

/**
 * `npm run mutate -- FILE… [--tests PART…] [--sample N] [--seed S] [--list]`: changes the source in many small ways, one at a time, in a
 * copy, and runs the tests that look at it. A mutant that no test notices is printed: a test is missing, or the code is not needed.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: 'string', multiple: true },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
  },
})

interface Candidate {
  readonly path: string
  readonly mutant: Mutant
}

/** A mutant may take so many times as long as the code as it is, and so much more, before it counts as noticed. */
const SLOWER = 3
const SLOWER_BY_MS = 20_000

const root = dirname(import.meta.dirname)

/** Numbers from 0 to below 1 that a seed repeats. */
const numbersFrom = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const sampleOf = <Item>(items: readonly Item[], count: number, seed: number): readonly Item[] => {
  const next = numbersFrom(seed)
  return items
    .map((item, index) => ({ item, index, by: next() }))
    .toSorted((one, other) => one.by - other.by)
    .slice(0, count)
    .toSorted((one, other) => one.index - other.index)
    .map(({ item }) => item)
}

const filesOf = (named: readonly string[]): readonly string[] =>
  named.flatMap((path) => {
    const files = path.endsWith('.ts') ? globSync(path, { cwd: root }) : globSync(join(path, '**/*.ts'), { cwd: root })
    return files.map((file) => relative(root, join(root, file))).filter((file) => !file.endsWith('index.ts'))
  })

const candidatesIn = (path: string): readonly Candidate[] =>
  mutantsOf(readFileSync(join(root, path), 'utf8')).map((mutant) => ({ path, mutant }))

const main = async (): Promise<void> => {
  const all = filesOf(positionals).toSorted().flatMap(candidatesIn)
  const chosen = sampleOf(all, Number(values.sample ?? all.length), Number(values.seed))
  if (values.list) {
    for (const { path, mutant } of chosen) console.log(`${path}:${mutant.line} ${mutant.change}`)
    return
  }
  const copy = new WorkingCopy(root)
  const counts = { failed: 0, 'too slow': 0, passed: 0 }
  try {
    const limits = new Map<string, number>()
    for (const { path, mutant } of chosen) {
      const steps = values.tests === undefined ? testsOf(path) : [values.tests]
      let outcome: TestOutcome = 'passed'
      for (const tests of steps) {
        if (outcome !== 'passed') break
        const timeoutMs = await limitOf(copy, tests, limits)
        copy.write(path, mutant.text)
        outcome = await copy.test(tests, timeoutMs)
        copy.write(path, readFileSync(join(root, path), 'utf8'))
      }
      counts[outcome]++
      const verdict = outcome === 'passed' ? 'SURVIVED' : 'killed'
      console.log(`${verdict} ${path}:${mutant.line} ${mutant.change}${outcome === 'too slow' ? ' (by time)' : ''}`)
    }
  } finally {
    copy.remove()
  }
  const killed = counts.failed + counts['too slow']
  console.log(`${chosen.length} of ${all.length} mutants: ${killed} killed, ${counts.passed} survived`)
}

/** The tests must pass on the code as it is; how long that takes says how long a mutant may. */
const limitOf = async (copy: WorkingCopy, tests: readonly string[], known: Map<string, number>): Promise<number> => {
  const key = tests.join()
  const held = known.get(key)
  if (held !== undefined) return held
  const startedMs = performance.now()
  if ((await copy.test(tests, 600_000)) !== 'passed') throw new Error(`the tests fail on the code as it is: ${key}`)
  const limit = (performance.now() - startedMs) * SLOWER + SLOWER_BY_MS
  known.set(key, limit)
  return limit
}

await main()
