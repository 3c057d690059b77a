import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indexWords } from '#base'

const plainText = fc.string({ unit: 'binary-ascii', maxLength: 200 })

describe('words of a text for an index', () => {
  it('are the same in a plain text as where a letter with an accent follows it', () => {
    fc.assert(
      fc.property(plainText, (text) => {
        expect([...indexWords(text), 'e']).toEqual(indexWords(`${text} É`))
      }),
    )
  })

  it.each([
    ['in small letters, without signs', 'Room #42: ready_to GO!', ['room', '42', 'ready', 'to', 'go']],
    ['cut where they are long', `${'x'.repeat(41)} y`, ['x'.repeat(40), 'y']],
    ['none, where there are signs alone', '* #', []],
  ])('are %s', (_, text, words) => {
    expect(indexWords(text)).toEqual(words)
  })

  it('are bounded in number', () => {
    expect(indexWords('a '.repeat(30_000))).toHaveLength(20_000)
  })
})
