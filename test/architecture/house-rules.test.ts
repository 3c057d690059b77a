import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cruise, repositoryRoot } from '../../scripts/cruise.ts'
import { findInCode, readSources, withoutComments } from './sources.ts'

const src = readSources('src')
const tests = readSources('test')
const others = [...readSources('bench'), ...readSources('scripts')]
const everything = [...src, ...tests, ...others]

const layers = new Set(src.map(({ path }) => path.split('/')[1] ?? ''))

const below = (...names: readonly string[]) => {
  const starts = names.map((name) => `src/${name}/`)
  return (file: { readonly path: string }) => starts.some((start) => file.path.startsWith(start))
}
const isOutermost = below('base', 'config', 'app')

/** The places that values are imported from as a file is loaded. */
const VALUES_FROM = /^(?:import|export) (?!type\b)[^']*?from '([^']+)'/gm

describe('the layers', () => {
  it('has no import that its table forbids, and no circle', () => {
    const { modules, violations } = cruise(repositoryRoot)
    // A cruise that read nothing finds nothing: it must have read every file there is.
    expect(modules.length).toBeGreaterThanOrEqual(src.length)
    expect(modules.length).toBeGreaterThan(50)
    expect(violations).toEqual([])
  })

  it('have each an index, and a README that says what it owns, may import and never does', () => {
    const known = 'api app base config domain http net outbox pages rules spec store streams views'.split(' ')
    const lacking = [...layers].flatMap((layer) => {
      if (!known.includes(layer)) return [`${layer} is no known layer`]
      const readme = join(repositoryRoot, 'src', layer, 'README.md')
      if (!existsSync(join(repositoryRoot, 'src', layer, 'index.ts'))) return [`${layer} has no index.ts`]
      if (!existsSync(readme)) return [`${layer} has no README.md`]
      const text = readFileSync(readme, 'utf8').toLowerCase()
      return ['owns', 'may import', 'never'].filter((word) => !text.includes(word)).map((word) => `${layer}: ${word}`)
    })
    expect(lacking).toEqual([])
  })

  it('are not loaded by a command of the program before it runs, but for the lowest ones', () => {
    const loaded = new Set<string>()
    const from = new Set<string>()
    const load = (path: string): void => {
      const file = src.find((one) => one.path === path)
      if (file === undefined || loaded.has(path)) return
      loaded.add(path)
      for (const [, target = ''] of withoutComments(file.text).matchAll(VALUES_FROM))
        if (target.startsWith('.')) load(join(dirname(path), target).replaceAll('\\', '/'))
        else if (target.startsWith('#')) from.add(target)
    }
    load('src/app/cli.ts')
    expect(loaded).toContain('src/app/commands/users.ts')
    expect([...from].sort()).toEqual(['#base', '#config', '#spec'])
  })

  it('keeps files short: 400 lines, tests 500', () => {
    const limitOf = (path: string) => (path.startsWith('test/') ? 500 : 400)
    const tooLong = everything
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > limitOf(path))
    expect(tooLong).toEqual([])
  })

  it('names files and folders for what they are, in kebab-case', () => {
    const banned = new Set('util utils helper helpers common manager managers service services misc'.split(' '))
    const badNames = everything.filter(({ path }) =>
      // "application service" is a term of the specification.
      path.split('/').some((part) =>
        part
          .replaceAll('application-service', '')
          .split(/[-.]/)
          .some((word) => banned.has(word)),
      ),
    )
    expect(badNames.map(({ path }) => path)).toEqual([])
    const notKebab = everything.filter(({ path }) => !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(basename(path)))
    expect(notKebab.map(({ path }) => path)).toEqual([])
  })

  it('has no class or interface that manages, serves or helps', () => {
    const declaration = /\b(class|interface|type)\s+(?!ApplicationService)\w*(Manager|Service|Helper|Utils?|Misc)\b/
    expect(findInCode(src, declaration)).toEqual([])
  })

  it('asks no room version for its number: a version is a record of rules', () => {
    expect(findInCode(src, /version\)?\s*[<>]=?\s*['"\d]/i)).toEqual([])
    expect(findInCode(src, /switch\s*\(.*roomVersion/i)).toEqual([])
  })

  it('touches clock, timers, randomness and environment in base, config and app only', () => {
    const ambient = [
      /\bprocess\.(env|hrtime|argv)\b/,
      /\bDate\.now\b/,
      /\bnew Date\(\)/,
      /\bperformance\.(now|timeOrigin)\b/,
      /(?<![.\w])set(Timeout|Interval|Immediate)\b|\bglobalThis\.set/,
      /\bAbortSignal\.timeout\b/,
      /['"](node:)?timers(\/promises)?['"]/,
      /\bMath\.random\b/,
      /\brandom(Bytes|UUID|Int|Fill\w*)\b|\bgetRandomValues\b/,
    ]
    const inner = src.filter((file) => !isOutermost(file))
    expect(ambient.flatMap((pattern) => findInCode(inner, pattern))).toEqual([])
  })

  it('imports types by import statements, which the import rules can see', () => {
    expect(findInCode(src, /\b(typeof import\(['"][#.]|import\(['"][#.][^'"]+['"]\)\s*[.[](?!then|catch))/)).toEqual([])
  })

  it('imports no values of node:http, which would load a second client', () => {
    expect(findInCode(src, /^import (?!type )[^'\n]*'(?:node:)?http'/m)).toEqual([])
  })

  it('logs through the logger', () => {
    expect(
      findInCode(
        src.filter((file) => !isOutermost(file)),
        /\bconsole\./,
      ),
    ).toEqual([])
  })
})
