import { stripTypeScriptTypes } from 'node:module'
import { describe, expect, it } from 'vitest'
import { mutantsOf } from '../../scripts/mutation/mutants.ts'

const SOURCE = `// « not one byte a letter »
import { a } from './a.ts'

type Limit = 1 | 2

export const reach = async (list: readonly number[], limit: number): Promise<boolean> => {
  if (list.length > limit) return false
  await a.put(list, limit)
  return list.some((item) => item === 3)
}
`

const changesOf = (source: string): readonly string[] =>
  mutantsOf(source).map(({ line, change }) => `${line} ${change}`)

describe('mutants', () => {
  it('are small changes of what runs, each with its line', () => {
    expect(changesOf(SOURCE)).toEqual([
      '7 condition negated: list.length > limit',
      '7 > became >=: list.length > limit',
      '7 removed: return false',
      '7 false became true',
      '8 removed: await a.put(list, limit)',
      '8 not awaited: await a.put(list, limit)',
      '8 arguments swapped: a.put(list, limit)',
      '9 some became every: list.some((item) => item === 3)',
      '9 === became !==: item === 3',
      '9 3 became one more',
    ])
  })

  it('differ from the source in that one place and can still be run', () => {
    for (const { text } of mutantsOf(SOURCE)) {
      expect(text).not.toBe(SOURCE)
      expect(text).toContain('not one byte a letter »')
      expect(() => stripTypeScriptTypes(text)).not.toThrow()
    }
  })

  it('leave out conditions of queries and turn their words', () => {
    expect(changesOf(`const q = db.from('events').where('room', '=', 1).orderBy('position', 'asc')`)).toEqual([
      "1 left out: .where('room', '=', 1)",
      "1 '=' became '!='",
      '1 1 became one more',
      "1 'asc' became 'desc'",
    ])
  })
})
