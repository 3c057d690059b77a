import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPageToken, formatSyncToken, parsePageToken, parseSyncToken, STREAMS } from '#streams'

const position = fc.maxSafeNat()
const positions = fc.record({
  events: position,
  receipts: position,
  accountData: position,
  toDevice: position,
  deviceLists: position,
  typing: position,
  presence: position,
})

describe('tokens', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(positions, (given) => {
        expect(parseSyncToken(formatSyncToken(given))).toEqual(given)
        expect(parsePageToken(formatSyncToken(given))).toBe(given.events)
        expect(parsePageToken(formatPageToken(given.events))).toBe(given.events)
      }),
    )
  })

  it('are nothing else: what reads as a token is written the same', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^h1(_[0-9]{0,17}){6,8}$/),
      fc.stringMatching(/^t-?[0-9]{0,18}$/),
    )
    fc.assert(
      fc.property(text, (given) => {
        const read = parseSyncToken(given)
        if (read !== undefined) {
          for (const stream of STREAMS) expect(Number.isSafeInteger(read[stream]) && read[stream] >= 0).toBe(true)
          expect(parseSyncToken(formatSyncToken(read))).toEqual(read)
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
    'h1_1_2_3_4_5_6_7_8',
    'h1_1_2_3_4_5_6_9007199254740993',
    'h1_1_2_3_4_5_6_1e3',
    'h1_1_2_3_4_5_6_ 7',
    'h1_1_2_3_4_5_6_٧',
    'h2_1_2_3_4_5_6_7',
    's1_2',
    `h1_${'1'.repeat(10_000)}`,
  ])('refuse %j', (text) => {
    expect(parseSyncToken(text)).toBeUndefined()
    expect(parsePageToken(text)).toBeUndefined()
  })
})
