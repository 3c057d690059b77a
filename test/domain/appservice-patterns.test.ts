import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern } from '#domain'

const fits = (source: string, text: string): boolean => {
  const pattern = compilePattern(source)
  if (!pattern.ok) throw new Error(pattern.failure)
  return pattern.value.matches(text)
}

/** Patterns as they stand in registrations, and worse. */
const atom = fc.constantFrom('a', 'b', '_', '.', '[ab]', '[^a]', '[a-c_]', '\\d', '\\w', '\\.', '(?:a|b)', '(ab|_)')
const repeated = fc
  .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '*?', '{2}', '{1,}', '{0,2}'))
  .map((parts) => parts.join(''))
const sequence = fc.array(repeated, { maxLength: 6 }).map((parts) => parts.join(''))
const source = fc
  .tuple(fc.constantFrom('', '^'), fc.array(sequence, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '$'))
  .map(([start, branches, end]) => `${start}(${branches.join('|')})${end}`)
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_', '.', '1', '@', '\n'), maxLength: 12 })

describe('the patterns of registrations', () => {
  it('fit what the regular expression fits that begins where the text does', () => {
    fc.assert(
      fc.property(source, text, (pattern, subject) => {
        expect(fits(pattern, subject)).toBe(new RegExp(`^(?:${pattern})`).test(subject.replaceAll('\r', '')))
      }),
      { numRuns: 3_000 },
    )
  })

  it('take no longer where an engine that goes back would never end', () => {
    const hostile = ['(a+)+$', '(a|a)*$', '(a*)*b', '(.*)*x', '((a?){50}){2}$', '(?:(?:a+)+)+c']
    for (const pattern of hostile) expect(fits(pattern, `${'a'.repeat(250)}!`)).toBe(false)
  })

  it.each([
    '(',
    ')',
    '[',
    '*a',
    'a**',
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '\\1',
    'a{999}',
    '(?i)a',
    'a\\',
    '[b-a]',
    '(a{255}){255}',
  ])('are refused where they cannot be matched so: %s', (pattern) => {
    expect(compilePattern(pattern).ok).toBe(false)
  })
})
