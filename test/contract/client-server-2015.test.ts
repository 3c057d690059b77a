import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/**
 * Holds `docs/client-server-2015.md` and the tests equal. Its tables have three columns: what the document of 2015 says, what the server does,
 * and the tests that show it, each written as the file below `test/` in backticks and the name of the test, one after another by `<br>`.
 */
const page = new URL('../../docs/client-server-2015.md', import.meta.url)
const testFolder = new URL('../', import.meta.url)
/** The operations of September 2015; beside the repository, as the official data of today. */
const operations = new URL('../../../shared/spec/endpoints-2015.tsv', import.meta.url)

interface Row {
  readonly line: number
  readonly said: string
  readonly done: string
  readonly shownBy: readonly { readonly file: string; readonly name: string }[]
}

const cellsOf = (line: string): string[] =>
  line
    .slice(1, -1)
    .split(' | ')
    .map((cell) => cell.trim())

/** Rows of all tables; their heads and the lines below them are none. */
const rowsOf = (markdown: string): readonly Row[] => {
  const lines = markdown.split('\n')
  return lines.flatMap((line, index): Row[] => {
    const isHead = lines[index + 1]?.startsWith('| -') === true || line.startsWith('| -')
    if (!line.startsWith('|') || isHead) return []
    const [said = '', done = '', shown = ''] = cellsOf(line)
    const shownBy = shown.split('<br>').flatMap((one) => {
      const [, file, name] = /^`([\w/-]+)` (.+)$/.exec(one.trim()) ?? []
      return file === undefined || name === undefined ? [] : [{ file, name }]
    })
    return [{ line: index + 1, said, done, shownBy }]
  })
}

/** The names in `it('…')` and `test('…')`, with or without `.each([…])` before them. */
const namesIn = (source: string): ReadonlySet<string> => {
  const calls = source.matchAll(/(?:\b(?:it|test)|\))\(\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`([^`$]*)`)/g)
  return new Set(
    [...calls].map(([, single, double, ticks]) => (single ?? double ?? ticks ?? '').replaceAll(/\\(.)/g, '$1')),
  )
}

const namesOf = new Map<string, ReadonlySet<string> | undefined>()
const namesOfFile = (file: string): ReadonlySet<string> | undefined => {
  if (!namesOf.has(file)) {
    const url = new URL(`${file}.test.ts`, testFolder)
    namesOf.set(file, existsSync(url) ? namesIn(readFileSync(url, 'utf8')) : undefined)
  }
  return namesOf.get(file)
}

const rows = rowsOf(readFileSync(page, 'utf8'))

describe('docs/client-server-2015.md', () => {
  it('says in each row what is said, what is done, and which tests show it', () => {
    expect(rows.length).toBeGreaterThan(100)
    const incomplete = rows.filter(({ said, done, shownBy }) => said === '' || done === '' || shownBy.length === 0)
    expect(incomplete.map(({ line }) => line)).toEqual([])
  })

  it('names tests that are there, in the files that it says', () => {
    const missing = rows.flatMap(({ line, shownBy }) =>
      shownBy.flatMap(({ file, name }) =>
        namesOfFile(file)?.has(name) === true ? [] : [`line ${line}: ${file}: ${name}`],
      ),
    )
    expect(missing).toEqual([])
  })

  it('finds the names of tests in whatever way they are written', () => {
    const source = `it('one', async () => {})\n  test("two's", f)\n it.each([[1], [2]] as const)('three %s', f)\n it('it\\'s four', { timeout: 1 }, f)
      it.each(
        [['a', ')']],
      )('five', f)\n expect('six')`
    expect([...namesIn(source)]).toEqual(['one', "two's", 'three %s', "it's four", 'five'])
  })

  it.skipIf(!existsSync(operations))(
    'has a row for each operation of the time, and for no other (skipped where their table is absent)',
    () => {
      const documented = readFileSync(operations, 'utf8')
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.split('\t'))
        .map(([prefix, method, path]) => `${method} ${prefix}${path}`)
      const named = rows.flatMap(({ said }) =>
        [...said.matchAll(/`((?:GET|PUT|POST|DELETE) \/_matrix[^`]*)`/g)].map(([, one = '']) => one),
      )
      expect(documented.length).toBeGreaterThan(50)
      expect(named.toSorted()).toEqual(documented.toSorted())
    },
  )
})
