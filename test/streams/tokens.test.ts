import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatPageToken,
  formatPlaceToken,
  formatSyncToken,
  type Positions,
  parsePageToken,
  parsePlaceToken,
  parseSyncToken,
  STREAM_DECLARATIONS,
  STREAMS,
  type StreamDeclaration,
  syncTokensOver,
} from '#streams'

const position = fc.maxSafeNat()
const positions = fc.record({
  events: position,
  receipts: position,
  accountData: position,
  toDevice: position,
  deviceLists: position,
  typing: position,
  presence: position,
  threadSubscriptions: position,
  stickyEvents: position,
  profiles: position,
})

const NOW: Positions = {
  events: 100,
  receipts: 50,
  accountData: 20,
  toDevice: 5,
  deviceLists: 4,
  typing: 1_800_000_000_000,
  presence: 1_800_000_000_000,
  threadSubscriptions: 3,
  stickyEvents: 2,
  profiles: 9,
}

describe('tokens', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(positions, (given) => {
        expect(parseSyncToken(formatSyncToken(given), NOW)).toEqual(given)
        expect(parsePageToken(formatSyncToken(given))).toBe(given.events)
        expect(parsePageToken(formatPageToken(given.events))).toBe(given.events)
      }),
    )
  })

  it('carry the rooms in which typing was told, and read as positions all the same', () => {
    fc.assert(
      fc.property(positions, fc.array(position, { minLength: 1, maxLength: 16 }), (given, typingIn) => {
        const token = formatSyncToken({ ...given, typingIn })
        expect(token.length).toBeLessThan(500)
        expect(parseSyncToken(token, NOW)).toEqual({ ...given, typingIn })
        expect(parsePageToken(token)).toBe(given.events)
      }),
    )
    const token = formatSyncToken(NOW)
    for (const text of ['.', '.a', '.1-', '.-1', '.1.2', `.${'1-'.repeat(300)}1`])
      expect(parseSyncToken(token + text, NOW), text).toBeUndefined()
  })

  it('carry the fields of profiles that were told, beside all else', () => {
    const mark = fc.stringMatching(/^[0-9a-z]{1,16}$/)
    fc.assert(
      fc.property(positions, mark, fc.array(position, { maxLength: 3 }), (given, profileFields, typingIn) => {
        const told = { ...given, profileFields, ...(typingIn.length === 0 ? {} : { typingIn }) }
        const token = formatSyncToken(told)
        expect(parseSyncToken(token, NOW)).toEqual(told)
        expect(parsePageToken(token)).toBe(given.events)
      }),
    )
    const token = formatSyncToken(NOW)
    for (const text of ['~', '~A', '~a~b', '~a_1', `~${'a'.repeat(17)}`, '.1~a'])
      expect(parseSyncToken(token + text, NOW), text).toBeUndefined()
  })

  it('of places in a history come back as they went, and read as positions too', () => {
    const whole = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(whole, whole, (depth, event) => {
        const token = formatPlaceToken({ depth, event })
        expect(parsePlaceToken(token)).toEqual({ depth, event })
        expect(parsePageToken(token)).toBe(Math.max(0, event))
        expect(parsePlaceToken(formatPageToken(event))).toBeUndefined()
      }),
    )
    for (const text of ['t2_', 't2_1', 't2_1_', 't2_1_2_3', 't2_a_1', 't2_1_99999999999999999']) {
      expect(parsePlaceToken(text)).toBeUndefined()
      expect(parsePageToken(text)).toBeUndefined()
    }
  })

  it('are nothing else: what reads as a token is written the same', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^h1(_[0-9]{0,17}){6,8}$/),
      fc.stringMatching(/^t-?[0-9]{0,18}$/),
    )
    fc.assert(
      fc.property(text, (given) => {
        const read = parseSyncToken(given, NOW)
        if (read !== undefined) {
          for (const stream of STREAMS) expect(Number.isSafeInteger(read[stream]) && read[stream] >= 0).toBe(true)
          expect(parseSyncToken(formatSyncToken(read), NOW)).toEqual(read)
        }
        const page = parsePageToken(given)
        expect(page === undefined || Number.isSafeInteger(page)).toBe(true)
      }),
    )
  })

  it.each([
    '',
    'h1_',
    'h1_1_2_3',
    'h1_1_2_3_4_5_6_-7',
    'h1_1_2_3_4_5_6_7_8_9_10_11_12_13_14_15_16_17_18_19_20',
    'h1_1_2_3_4_5_6_9007199254740993',
    'h1_1_2_3_4_5_6_1e3',
    'h1_1_2_3_4_5_6_ 7',
    'h1_1_2_3_4_5_6_٧',
    'h2_1_2_3_4_5_6_7',
    's1_2',
    `h1_${'1'.repeat(10_000)}`,
  ])('refuse %j', (text) => {
    expect(parseSyncToken(text, NOW)).toBeUndefined()
    expect(parsePageToken(text)).toBeUndefined()
  })
})

/** The text that was given out then, kept: it must be read for ever. */
const OF_2026_11 = 'h1_11_3_1_2_4_1795845585397_1795845585398'
const READ = {
  ...{ events: 11, receipts: 3, accountData: 1, toDevice: 2, deviceLists: 4 },
  ...{ typing: 1795845585397, presence: 1795845585398 },
}
/** The streams that came later, as a client begins them that has such a token. */
const SINCE = { threadSubscriptions: NOW.threadSubscriptions, stickyEvents: 0, profiles: 0 }
const OF_TODAY = `${OF_2026_11}_3_0_0`

describe('tokens of older versions', () => {
  it('are read by this one', () => {
    expect(parseSyncToken(OF_2026_11, NOW)).toEqual({ ...READ, ...SINCE })
    expect(formatSyncToken({ ...READ, ...SINCE })).toBe(OF_TODAY)
    expect(parsePageToken(OF_2026_11)).toBe(11)
    expect(parsePageToken('t9')).toBe(9)
  })

  const later = syncTokensOver({
    ...STREAM_DECLARATIONS,
    threads: { kept: 'database', missing: 'beginning' },
    invites: { kept: 'database', missing: 'now' },
  })
  const laterNow = { ...NOW, threads: 7, invites: 8 }

  it('are read by one with more streams: each of these begins as it says', () => {
    const known = { ...READ, ...SINCE }
    expect(later.parse(OF_2026_11, laterNow)).toEqual({ ...known, threads: 0, invites: 8 })
    expect(later.parse(`${OF_TODAY}_6`, laterNow)).toEqual({ ...known, threads: 6, invites: 8 })
    expect(later.parse(`${OF_TODAY}_6_2`, laterNow)).toEqual({ ...known, threads: 6, invites: 2 })
    expect(later.read(OF_2026_11)).toEqual(READ)
  })

  it('and those with more streams by none with fewer', () => {
    expect(parseSyncToken(later.format(laterNow), NOW)).toBeUndefined()
    expect(parsePageToken(later.format(laterNow))).toBeUndefined()
  })

  it('are read by every later version, however the streams grow', () => {
    const added = fc.array(fc.constantFrom<'beginning' | 'now'>('beginning', 'now'), { maxLength: 8 })
    fc.assert(
      fc.property(positions, added, fc.nat({ max: 8 }), position, (given, missing, known, now) => {
        const version = (added: number) => {
          const streams = missing.slice(0, added).map((at, index): [string, StreamDeclaration] => {
            return [`s${index}`, { kept: 'database', missing: at }]
          })
          return syncTokensOver<string>({ ...STREAM_DECLARATIONS, ...Object.fromEntries(streams) })
        }
        const [older, newer] = [version(known), version(missing.length)]
        const everywhere = (value: number) => Object.fromEntries(missing.map((_, index) => [`s${index}`, value]))
        const read = newer.parse(older.format({ ...given, ...everywhere(3) }), { ...given, ...everywhere(now) })
        const expected = missing.map((at, index) => (index < known ? 3 : at === 'now' ? now : 0))
        expect(read).toEqual({ ...given, ...Object.fromEntries(expected.map((value, index) => [`s${index}`, value])) })
      }),
    )
  })
})
