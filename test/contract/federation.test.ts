import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ApiDeps, apiEndpoints, servedEndpoints } from '#api'
import { isOpenApiPresent, readOperations } from '../support/openapi.ts'

/**
 * Holds `docs/federation.md` to the official data, to the code and to the tests. Its tables have four columns: the operation, the file that serves it, the file
 * that asks others for it, and the tests, each written as the file below `test/` in backticks and the name of the test, one after another by `<br>`.
 */
const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/federation.md', root), 'utf8')

/** What still lacks something; to be empty. */
const NOT_YET: readonly string[] = []

interface Row {
  readonly operation: string
  readonly served: string
  readonly used: string
  readonly tests: string
}

const rows: readonly Row[] = page.split('\n').flatMap((line): Row[] => {
  const [first = '', served = '', used = '', tests = ''] = line
    .slice(1, -1)
    .split(' | ')
    .map((cell) => cell.trim())
  const [, operation] = /^`([A-Z]+ \/[^`]+)`$/.exec(first) ?? []
  return line.startsWith('|') && operation !== undefined ? [{ operation, served, used, tests }] : []
})

const official = readOperations()
  .filter(({ api }) => api === 'server-server')
  .map(({ method, path }) => `${method} ${path}`)

const unasked: unknown = new Proxy(() => unasked, { get: () => unasked, apply: () => unasked })
const withoutNames = (operation: string): string => operation.replaceAll(/\{[^}]*\}/g, '{}')
const servedHere = new Set(
  servedEndpoints(apiEndpoints(unasked as ApiDeps)).map(({ method, path }) => withoutNames(`${method} ${path}`)),
)

/** The source that a cell names; undefined for a reason why nobody does it. */
const sourceIn = (cell: string): string | undefined => {
  const [, file] = /^`(src\/[\w/-]+\.ts)`$/.exec(cell) ?? []
  if (file === undefined) return undefined
  const url = new URL(file, root)
  return existsSync(url) ? readFileSync(url, 'utf8') : ''
}
const isReason = (cell: string): boolean => /^nobody: .{10,}/.test(cell)

/** The word of a path that names the operation: its last one that is no parameter. */
const wordOf = (operation: string): string =>
  operation
    .split('/')
    .filter((part) => !part.startsWith('{'))
    .at(-1) ?? ''
/** A source that makes several paths by one pattern has the beginning of the word alone: `make_${membership}`. */
const names = (source: string, word: string): boolean =>
  source.includes(word) || source.includes(`${word.slice(0, word.indexOf('_') + 1)}\${`)

const namesIn = (source: string): ReadonlySet<string> => {
  const calls = source.matchAll(/(?:\b(?:it|test)|\))\(\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`([^`$]*)`)/g)
  return new Set(
    [...calls].map(([, single, double, ticks]) => (single ?? double ?? ticks ?? '').replaceAll(/\\(.)/g, '$1')),
  )
}

describe('docs/federation.md', () => {
  it.skipIf(!isOpenApiPresent)('has each operation of the official data once, and no other', () => {
    expect(official.length).toBe(36)
    expect(rows.map(({ operation }) => operation).toSorted()).toEqual(official.toSorted())
  })

  it('says which operations are served, and by which file', () => {
    const wrong = rows.filter(({ operation, served }) => {
      if (NOT_YET.includes(operation) && served === 'NOT YET') return servedHere.has(withoutNames(operation))
      const source = sourceIn(served)
      if (source === undefined) return !isReason(served) || servedHere.has(withoutNames(operation))
      return !servedHere.has(withoutNames(operation)) || !names(source, wordOf(operation))
    })
    expect(wrong.map(({ operation }) => operation)).toEqual([])
  })

  it('says which operations are asked of others, and by which file', () => {
    const wrong = rows.filter(({ operation, used }) => {
      if (NOT_YET.includes(operation) && used === 'NOT YET') return false
      const source = sourceIn(used)
      return source === undefined ? !isReason(used) : !names(source, wordOf(operation))
    })
    expect(wrong.map(({ operation }) => operation)).toEqual([])
  })

  it('names tests that are there, for each operation', () => {
    const wrong = rows.flatMap(({ operation, tests }) => {
      if (NOT_YET.includes(operation) && tests === 'NOT YET') return []
      return tests.split('<br>').flatMap((one) => {
        const [, file = '', name = ''] = /^`([\w/-]+)` (.+)$/.exec(one.trim()) ?? []
        const url = new URL(`test/${file}.test.ts`, root)
        const isThere = existsSync(url) && namesIn(readFileSync(url, 'utf8')).has(name)
        return isThere ? [] : [`${operation}: ${one}`]
      })
    })
    expect(wrong).toEqual([])
  })

  it('lists nothing as lacking that lacks nothing', () => {
    const done = rows.filter(({ served, used, tests }) => ![served, used, tests].includes('NOT YET'))
    expect(done.map(({ operation }) => operation).filter((operation) => NOT_YET.includes(operation))).toEqual([])
    expect(NOT_YET.filter((operation) => !rows.some((row) => row.operation === operation))).toEqual([])
  })
})
