import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compileGlob,
  compilePushRules,
  compileWordGlob,
  containsWords,
  foldText,
  MAX_PATTERN_LENGTH,
  rulesetOf,
  splitPropertyPath,
  toPushCandidate,
} from '#rules'
import type { RoomEvent, UserId } from '#spec'

const whole = (pattern: string, text: string): boolean => compileGlob(pattern)(foldText(text))
const words = (pattern: string, text: string): boolean => compileWordGlob(pattern)(foldText(text))

/** A glob's meaning by plain recursion. */
const naive = (pattern: readonly string[], text: readonly string[]): boolean => {
  const [symbol, ...rest] = pattern
  if (symbol === undefined) return text.length === 0
  if (symbol === '*') return naive(rest, text) || (text.length > 0 && naive(pattern, text.slice(1)))
  return text.length > 0 && (symbol === '?' || symbol === text[0]) && naive(rest, text.slice(1))
}

const isWord = (character: string | undefined): boolean => character !== undefined && /^[a-z0-9_]$/.test(character)

const naiveWords = (pattern: readonly string[], text: readonly string[]): boolean => {
  const boundary = (index: number): boolean =>
    index === 0 || index === text.length || !isWord(text[index - 1]) || !isWord(text[index])
  for (let start = 0; start <= text.length; start++) {
    for (let end = start; end <= text.length; end++) {
      if (boundary(start) && boundary(end) && naive(pattern, text.slice(start, end))) return true
    }
  }
  return false
}

// Few symbols, so that matches are common.
const text = fc.array(fc.constantFrom('a', 'b', '_', ' ', '-', '😀'), { maxLength: 9 })
const pattern = fc.array(fc.constantFrom('a', 'b', ' ', '😀', '*', '?'), { maxLength: 6 })

describe('laws', () => {
  test('a glob means what plain recursion says', () => {
    fc.assert(
      fc.property(pattern, text, (symbols, characters) => {
        expect(whole(symbols.join(''), characters.join(''))).toBe(naive(symbols, characters))
      }),
      { numRuns: 3_000 },
    )
  })
  test('a word glob means what trying every substring says', () => {
    fc.assert(
      fc.property(pattern, text, (symbols, characters) => {
        expect(words(symbols.join(''), characters.join(''))).toBe(naiveWords(symbols, characters))
      }),
      { numRuns: 3_000 },
    )
  })
  test('segments longer than a machine word are found', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 130 }), fc.integer({ min: 0, max: 40 }), (length, before) => {
        const segment = `${'ab'.repeat(70)}`.slice(0, length)
        const around = `${'ba'.repeat(before)}${segment}c`
        expect(whole(`*${segment.slice(0, -1)}?c`, around)).toBe(true)
        expect(whole(`*${segment}c*d`, around)).toBe(false)
      }),
    )
  })
})

test('long words in long texts are found where a plain search finds them', () => {
  const long = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', ' '), { minLength: 1, maxLength: 8 }), fc.integer({ min: 40, max: 200 }))
    .map(([unit, times]) => unit.join('').repeat(times).slice(0, 400).trim() || 'a')
  fc.assert(
    fc.property(long, fc.array(long, { minLength: 1, maxLength: 6 }), fc.nat(12), (pattern, parts, more) => {
      const body = [...parts, pattern.slice(1), `x${pattern}y`, ...(more % 2 === 0 ? [pattern] : []), ...parts].join(
        ' - ',
      )
      const around = `${'-b '.repeat(200)}${body}`
      expect(whole(`*${pattern}*`, around)).toBe(around.includes(pattern))
      const isAtWords = (start: number): boolean =>
        [start, start + pattern.length].every(
          (index) => !isWord(around[index - 1]) || !isWord(around[index]) || index === 0 || index === around.length,
        )
      let found = false
      for (let at = around.indexOf(pattern); at !== -1; at = around.indexOf(pattern, at + 1)) found ||= isAtWords(at)
      expect(words(pattern, around)).toBe(found)
    }),
    { numRuns: 300 },
  )
})

test('an event costs a bounded number of steps whatever the rules, and the predefined ones go on working', () => {
  const content = Array.from({ length: 2_000 }, (_, index) => ({
    ruleId: `r${index}`,
    enabled: true,
    actions: ['notify'],
    pattern: index % 2 === 0 ? `${'a'.repeat(500)}b` : `*${'a?'.repeat(240)}b?`,
  }))
  const mallory = '@mallory:example.org' as UserId
  const evaluate = compilePushRules(rulesetOf(mallory, { custom: { content }, defaults: {} }))
  const event = {
    eventId: '$e',
    roomId: '!r',
    type: 'm.room.message',
    stateKey: undefined,
    sender: '@alice:example.org',
    content: { msgtype: 'm.text', body: 'a'.repeat(60_000), 'm.mentions': { user_ids: [mallory] } },
  } as unknown as RoomEvent
  const context = {
    ...{ userId: mallory, displayName: 'm', memberCount: 3, senderPowerLevel: 0 },
    notificationPowerLevels: undefined,
  }
  const startedAt = performance.now()
  const outcomes = Array.from({ length: 10 }, () => evaluate(toPushCandidate(event), context)?.ruleId)
  expect((performance.now() - startedAt) / 10).toBeLessThan(30)
  expect(new Set(outcomes)).toEqual(new Set(['.m.rule.is_user_mention']))
  const plain = { ...event, content: { msgtype: 'm.text', body: 'a'.repeat(60_000) } } as unknown as RoomEvent
  expect(evaluate(toPushCandidate(plain), context)?.ruleId).toBe('.m.rule.message')
})

describe('the examples of the specification', () => {
  test('event_match', () => {
    expect(whole('lunc?*', 'Lunch plans')).toBe(true)
    expect(whole('lunc?*', 'LUNCH')).toBe(true)
    expect(whole('lunc?*', ' lunch')).toBe(false)
    expect(whole('lunc?*', 'lunc')).toBe(false)
  })
  test('content.body', () => {
    expect(words('ex*ple', 'An example event.')).toBe(true)
    expect(words('ex*ple', 'exple')).toBe(true)
    expect(words('ex*ple', 'An exciting triple-whammy')).toBe(true)
    expect(words('ex*ple', 'An xexample')).toBe(false)
    expect(words('cake*lie', 'the cake is a lie!')).toBe(true)
  })
})

test('word boundaries', () => {
  expect(words('tea', "It's time for tea")).toBe(true)
  expect(words('tea', 'tea, please')).toBe(true)
  expect(words('tea', 'steal')).toBe(false)
  expect(words('tea', 'tea_time')).toBe(false)
  expect(words('tea', 'éteaé')).toBe(true)
  expect(words('@room', 'hey@room')).toBe(true)
  expect(words('tea', 'team tea')).toBe(true)
})

test('characters of regular expressions stand for themselves', () => {
  expect(whole('a.c+', 'abcc')).toBe(false)
  expect(whole('a.c+', 'A.C+')).toBe(true)
  expect(words('(x|y)[z]', 'is (x|y)[z] here')).toBe(true)
})

test('`?` is one character, even outside the basic plane', () => {
  expect(whole('a?b', 'a😀b')).toBe(true)
  expect(whole('a??b', 'a😀b')).toBe(false)
})

test('display names are words and no globs', () => {
  expect(containsWords(foldText('hello Alice!'), 'alice')).toBe(true)
  expect(containsWords(foldText('hello Alicette'), 'alice')).toBe(false)
  expect(containsWords(foldText('hello al?ce'), 'AL?CE')).toBe(true)
  expect(containsWords(foldText('hello alice'), 'al*')).toBe(false)
  expect(containsWords(foldText('hello'), '')).toBe(false)
})

test('a pattern over the limit matches nothing', () => {
  const long = 'a'.repeat(MAX_PATTERN_LENGTH + 1)
  expect(whole(long, long)).toBe(false)
  expect(words(long, long)).toBe(false)
  expect(whole(long.slice(1), long.slice(1))).toBe(true)
})

test('hostile patterns take linear time', () => {
  const body = foldText('a'.repeat(60_000))
  const startedAt = performance.now()
  expect(compileWordGlob(`${'*a'.repeat(200)}b`)(body)).toBe(false)
  expect(compileWordGlob(`${'*a?'.repeat(150)}`)(body)).toBe(true)
  expect(compileGlob(`*${'a?'.repeat(250)}??b?`)(foldText(`${'a'.repeat(60_000)}b`))).toBe(false)
  expect(compileWordGlob('a'.repeat(500))(body)).toBe(false)
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})

test.each([
  ['content.body', ['content', 'body']],
  ['content.m\\.relates_to.rel_type', ['content', 'm.relates_to', 'rel_type']],
  ['content.m\\\\foo', ['content', 'm\\foo']],
  ['content.m\\\\.foo', ['content', 'm\\', 'foo']],
  ['content.\\x', ['content', '\\x']],
  ['content\\', ['content\\']],
  ['', ['']],
  ['a..b', ['a', '', 'b']],
])('the path %s', (path, names) => {
  expect(splitPropertyPath(path)).toEqual(names)
})
