import { describe, expect, it } from 'vitest'
import {
  countByDirectory,
  directoryOf,
  drawAsked,
  drawTable,
  parseList,
  parseRemarks,
  parseTap,
  placeResults,
  putBetweenMarks,
} from '../../scripts/sytest-report.ts'

const tap = `ok 1 GET /register yields a set of flows
  ok 1 a step (POST /register can create a user)
not ok 2 POST /register can create a user
# Started: 2026-01-01 00:00:00.000
# not ok 3 in a diagnostic
ok 3 Can hear # of rooms # skip lack of can_post
not ok 4 (expected fail) Odd one # TODO expected fail
ok 5 (expected fail) Better one # TODO passed but expected fail
ok 6 Many steps (3 subtests)
ok 7 Twice
not ok 8 Twice
1..8
`
const list = `tests/10apidoc/01register.pl\ttest\tGET /register yields a set of flows
tests/10apidoc/01register.pl\ttest\tPOST /register can create a user
tests/30rooms/01state.pl\ttest\tCan hear # of rooms
tests/30rooms/02members.pl\ttest\tOdd one
tests/30rooms/02members.pl\ttest\tBetter one
tests/30rooms/02members.pl\tmulti\tMany steps
tests/30rooms/02members.pl\ttest\tTwice
tests/32room-versions.pl\ttest\tTwice
`

describe('the report of a Sytest run', () => {
  const results = placeResults(parseTap(tap), parseList(list))

  it('counts a test once, a skipped one not as passed, one that was expected to fail as failed', () => {
    expect(results.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['GET /register yields a set of flows', 'passed'],
      ['POST /register can create a user', 'failed'],
      ['Can hear # of rooms', 'skipped'],
      ['Odd one', 'failed'],
      ['Better one', 'passed'],
      ['Many steps', 'passed'],
      ['Twice', 'passed'],
      ['Twice', 'failed'],
    ])
  })

  it('counts by directory, and tells equal names apart by their order', () => {
    expect(countByDirectory(results)).toEqual([
      { directory: '10apidoc', passed: 1, failed: 1, skipped: 0 },
      { directory: '30rooms', passed: 3, failed: 1, skipped: 1 },
      { directory: '32room-versions.pl', passed: 0, failed: 1, skipped: 0 },
    ])
    expect(directoryOf(undefined)).toBe('(unknown)')
  })

  it('counts what is asked of this server, and says why a test fails, or that nobody knows', () => {
    const remarks = parseRemarks(
      [
        '# a comment',
        'tests/30rooms/01state.pl\tCan hear # of rooms\tleft-out\thearing',
        'tests/30rooms/02members.pl\tOdd one\tjudge\todd, see "Oddities"',
        'tests/30rooms/02members.pl\tBetter one\tnever-run\tno server',
        'tests/32room-versions.pl\tTwice\tjudge\twhy twice',
      ].join('\n'),
    )
    const text = drawAsked(results, remarks)
    expect(text).toContain(
      '| 10apidoc | 1 | 1 | 0 | 50 % |\n| 30rooms | 2 | 1 | 0 | 66 % |\n| 32room-versions.pl | 0 | 1 | 0 | 0 % |\n| **all** | 3 | 3 | 0 | 50 % |',
    )
    expect(text).toContain(
      '(3)\n\n- **not explained**:\n  - POST /register can create a user (failed)\n- odd, see "Oddities":\n',
    )
    expect(text).toContain('- why twice:\n  - Twice (failed)\n')
    expect(text).toContain('#### No part of the specification (1)\n\n- hearing:\n  - Can hear # of rooms (skipped)\n')
    expect(text).not.toContain('#### Run on no server')
  })

  it('draws a table with shares of what ran, and puts it between the marks of a document', () => {
    const table = drawTable(countByDirectory(results))
    expect(table).toContain('| 30rooms | 3 | 1 | 1 | 75 % |')
    expect(table).toContain('| **all** | 4 | 3 | 1 | 57 % |')
    const document = 'before\n<!-- sytest: begin -->\nold\n<!-- sytest: end -->\nafter\n'
    expect(putBetweenMarks(document, 'new')).toBe('before\n<!-- sytest: begin -->\nnew\n<!-- sytest: end -->\nafter\n')
    expect(() => putBetweenMarks('no marks', 'new')).toThrow(/marks/)
  })
})
