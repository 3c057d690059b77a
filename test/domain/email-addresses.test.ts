import { domainToUnicode } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalEmail, thirdPartyIdOf } from '#domain'

describe('the canonical form of an e-mail address', () => {
  it.each([
    ['bob@Example.com', 'bob@example.com'],
    // The example of the appendices, "3PID Types".
    ['Strauß@Example.com', 'strauss@example.com'],
    ['STRAUẞ@example.com', 'strauss@example.com'],
    ['ΣΑΣ@example.com', 'σασ@example.com'],
    ['ςας@example.com', 'σασ@example.com'],
    ['ﬁn@example.com', 'fin@example.com'],
    // The Kelvin sign and the long s are capitals of no other letter than k and s.
    ['\u212aſ@example.com', 'ks@example.com'],
    ['first.last+tag@example.com', 'first.last+tag@example.com'],
    ['bob@BÜCHER.example', 'bob@xn--bcher-kva.example'],
    ['bob@bücher.example', 'bob@xn--bcher-kva.example'],
  ])('of %s is %s', (text, canonical) => expect(canonicalEmail(text)).toBe(canonical))

  it('keeps people apart who only look alike', () => {
    // Upper-casing would make an i of it: how other servers gave accounts away.
    expect(canonicalEmail('mıke@example.com')).not.toBe(canonicalEmail('mike@example.com'))
    expect(canonicalEmail('mİke@example.com')).not.toBe(canonicalEmail('mike@example.com'))
    expect(canonicalEmail('mikе@example.com')).not.toBe(canonicalEmail('mike@example.com'))
  })

  const LETTERS = Array.from('aAzZßẞsSſkKiIİıσΣςéÉǅǆǄȺⱥµΜμ')
  const letters = fc.string({ unit: fc.constantFrom(...LETTERS, '.', '+', '-', '_'), minLength: 1, maxLength: 12 })
  const domains = fc.constantFrom('example.com', 'Sub.Example.COM', 'bücher.example')

  it('is its own canonical form', () => {
    fc.assert(
      fc.property(letters, domains, (local, domain) => {
        const canonical = canonicalEmail(`${local}@${domain}`)
        if (canonical !== undefined) expect(canonicalEmail(canonical)).toBe(canonical)
      }),
    )
  })

  it('is the same for all that differ by case, as Unicode folds it', () => {
    const twins = LETTERS.flatMap((one) =>
      LETTERS.filter((other) => equalButForCase(one, other)).map((other) => [one, other] as const),
    )
    expect(twins.length).toBeGreaterThan(LETTERS.length + 20)
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...twins), { minLength: 1, maxLength: 12 }), (pairs) => {
        const [one, other] = [pairs.map(([left]) => left).join(''), pairs.map(([, right]) => right).join('')]
        expect(canonicalEmail(`${one}@example.com`)).toBe(canonicalEmail(`${other}@example.com`))
      }),
    )
  })

  const anyCharacter = fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0x10_ff_ff }))
  const strings = fc.string({ unit: anyCharacter.map((point) => String.fromCodePoint(point)), maxLength: 8 })

  it('is one address and nothing else, whatever it is made from', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          strings,
          fc.tuple(strings, strings).map((parts) => parts.join('@')),
          fc.emailAddress(),
        ),
        (text) => {
          const canonical = canonicalEmail(text)
          if (canonical === undefined) return
          expect(canonical).toMatch(/^[^\s@<>",;:()[\]\\\p{C}]+@[a-z0-9.-]+$/u)
          expect(domainToUnicode(canonical.split('@')[1] ?? '')).not.toBe('')
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

/** Simple case folding, as the regular expressions of the runtime do it by Unicode's own table. */
const equalButForCase = (one: string, other: string): boolean => new RegExp(`^${one}$`, 'iu').test(other)

it('a phone number is digits alone, with its country', () => {
  expect(thirdPartyIdOf('msisdn', '447700900123')).toEqual({ medium: 'msisdn', address: '447700900123' })
  for (const address of ['+447700900123', '07700900123', '44 7700 900123', '', '1'.repeat(16)]) {
    expect(thirdPartyIdOf('msisdn', address)).toBeUndefined()
  }
  expect(thirdPartyIdOf('fax', '447700900123')).toBeUndefined()
})
