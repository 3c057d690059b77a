import { describe, expect, test } from 'vitest'
import type { PushRuleKind, PushRulePlace, UserPushRules } from '#rules'
import {
  changePushRule,
  MAX_CONDITIONS,
  MAX_CUSTOM_RULES,
  MAX_PATTERN_LENGTH,
  NO_USER_PUSH_RULES,
  PUSH_RULE_KINDS,
  putPushRule,
  removePushRule,
  rulesetOf,
} from '#rules'
import type { UserId } from '#spec'
import { value } from './support/events.ts'

const ALICE = '@alice:domain' as UserId

const put = (rules: UserPushRules, ruleId: string, place: PushRulePlace = {}): UserPushRules =>
  value(putPushRule(rules, 'content', ruleId, { actions: ['notify'], pattern: ruleId }, place))

const ids = (rules: UserPushRules, kind: PushRuleKind = 'content'): string[] =>
  (rulesetOf(ALICE, rules)[kind] ?? []).map(({ rule_id }) => rule_id)

const ABC = ['c', 'b', 'a'].reduce((rules, ruleId) => put(rules, ruleId), NO_USER_PUSH_RULES)

describe('the ruleset on the wire', () => {
  test('has every kind, and the predefined rules in their order', () => {
    expect(Object.keys(rulesetOf(ALICE, NO_USER_PUSH_RULES))).toEqual([...PUSH_RULE_KINDS])
    expect(ids(NO_USER_PUSH_RULES, 'override')).toEqual([
      '.m.rule.master',
      '.m.rule.suppress_notices',
      '.m.rule.invite_for_me',
      '.m.rule.member_event',
      '.m.rule.is_user_mention',
      '.m.rule.is_room_mention',
      '.m.rule.tombstone',
      '.m.rule.reaction',
      '.m.rule.room.server_acl',
      '.m.rule.suppress_edits',
      '.org.matrix.msc3930.rule.poll_response',
      '.org.matrix.msc4028.encrypted_event',
    ])
    expect(ids(NO_USER_PUSH_RULES, 'underride')).toEqual([
      '.m.rule.call',
      '.m.rule.encrypted_room_one_to_one',
      '.m.rule.room_one_to_one',
      '.m.rule.message',
      '.m.rule.encrypted',
      '.org.matrix.msc3930.rule.poll_start_one_to_one',
      '.org.matrix.msc3930.rule.poll_start',
      '.org.matrix.msc3930.rule.poll_end_one_to_one',
      '.org.matrix.msc3930.rule.poll_end',
    ])
  })

  test('every predefined rule is enabled but the master rule', () => {
    const rules = Object.values(rulesetOf(ALICE, NO_USER_PUSH_RULES)).flat()
    expect(rules.every((rule) => rule.default)).toBe(true)
    expect(rules.filter((rule) => !rule.enabled).map(({ rule_id }) => rule_id)).toEqual(['.m.rule.master'])
  })

  test("the user's rules stand above the predefined ones, but not above the master rule", () => {
    const withOverride = value(putPushRule(ABC, 'override', 'mine', { actions: [] }))
    const rules = value(putPushRule(withOverride, 'underride', 'mine', { actions: [] }))
    expect(ids(rules, 'override').slice(0, 3)).toEqual(['.m.rule.master', 'mine', '.m.rule.suppress_notices'])
    expect(ids(rules, 'underride').slice(0, 2)).toEqual(['mine', '.m.rule.call'])
    expect(rulesetOf(ALICE, rules).override[1]).toEqual({
      rule_id: 'mine',
      default: false,
      enabled: true,
      actions: [],
      conditions: [],
    })
  })

  test('it survives being stored as JSON', () => {
    expect(rulesetOf(ALICE, JSON.parse(JSON.stringify(ABC)))).toEqual(rulesetOf(ALICE, ABC))
  })
})

describe('adding a rule', () => {
  test('it comes first, or where it is placed', () => {
    expect(ids(ABC)).toEqual(['a', 'b', 'c'])
    expect(ids(put(ABC, 'x', { before: 'b' }))).toEqual(['a', 'x', 'b', 'c'])
    expect(ids(put(ABC, 'x', { after: 'b' }))).toEqual(['a', 'b', 'x', 'c'])
    expect(ids(put(ABC, 'x', { before: 'c', after: 'a' }))).toEqual(['a', 'b', 'x', 'c'])
  })

  test('one that exists is changed where it stands, or moved', () => {
    const changed = value(putPushRule(ABC, 'content', 'b', { actions: ['dont_notify'], pattern: 'B' }))
    expect(ids(changed)).toEqual(['a', 'b', 'c'])
    expect(rulesetOf(ALICE, changed).content[1]).toMatchObject({ actions: ['dont_notify'], pattern: 'B' })
    expect(ids(put(ABC, 'a', { after: 'c' }))).toEqual(['b', 'c', 'a'])
    expect(ids(put(ABC, 'c', { before: 'a' }))).toEqual(['c', 'a', 'b'])
  })

  test('changing one does not enable it again', () => {
    const disabled = value(changePushRule(ABC, 'content', 'b', { enabled: false }))
    expect(rulesetOf(ALICE, put(disabled, 'b')).content[1]?.enabled).toBe(false)
  })

  test.each([
    ['content', '.mine', { pattern: 'x' }, {}, 'predefined-rule'],
    ['content', 'a/b', { pattern: 'x' }, {}, 'malformed-rule-id'],
    ['content', 'a\\b', { pattern: 'x' }, {}, 'malformed-rule-id'],
    ['content', '', { pattern: 'x' }, {}, 'malformed-rule-id'],
    ['content', 'x', {}, {}, 'malformed-pattern'],
    ['content', 'x', { pattern: 'x'.repeat(MAX_PATTERN_LENGTH + 1) }, {}, 'malformed-pattern'],
    ['content', 'x', { pattern: 'x' }, { before: 'nowhere' }, 'unknown-neighbour'],
    ['content', 'a', { pattern: 'x' }, { after: 'a' }, 'unknown-neighbour'],
    ['override', 'x', {}, { after: '.m.rule.master' }, 'unknown-neighbour'],
    ['override', 'x', { conditions: Array(MAX_CONDITIONS + 1).fill({}) }, {}, 'too-many-conditions'],
    [
      'override',
      'x',
      { conditions: [{ kind: 'event_match', pattern: 'x'.repeat(MAX_PATTERN_LENGTH + 1) }] },
      {},
      'malformed-pattern',
    ],
  ] as const)('%s %s is refused: %#', (kind, ruleId, content, place, reason) => {
    expect(putPushRule(ABC, kind, ruleId, { actions: [], ...content }, place)).toEqual({
      ok: false,
      failure: { reason },
    })
  })

  test('their number is bounded, over all kinds', () => {
    const many = Array.from({ length: MAX_CUSTOM_RULES - 1 }, (_, index) => ({
      ruleId: `!${index}:domain`,
      enabled: true,
      actions: [],
    }))
    const rules: UserPushRules = { ...NO_USER_PUSH_RULES, custom: { room: many } }
    const full = value(putPushRule(rules, 'sender', '@b:domain', { actions: [] }))
    expect(putPushRule(full, 'sender', '@c:domain', { actions: [] })).toEqual({
      ok: false,
      failure: { reason: 'too-many-rules' },
    })
    expect(putPushRule(full, 'sender', '@b:domain', { actions: ['notify'] }).ok).toBe(true)
  })
})

describe('changing and removing', () => {
  test('a predefined rule can be disabled and given other actions, and stays predefined', () => {
    const disabled = value(changePushRule(ABC, 'underride', '.m.rule.message', { enabled: false }))
    const changed = value(changePushRule(disabled, 'underride', '.m.rule.message', { actions: ['dont_notify'] }))
    const rule = rulesetOf(ALICE, changed).underride.find(({ rule_id }) => rule_id === '.m.rule.message')
    expect(rule).toMatchObject({ default: true, enabled: false, actions: ['dont_notify'] })
    const master = value(changePushRule(ABC, 'override', '.m.rule.master', { enabled: true }))
    expect(rulesetOf(ALICE, master).override[0]?.enabled).toBe(true)
  })

  test('what is unknown cannot be changed', () => {
    for (const [kind, ruleId] of [
      ['override', '.m.rule.message'],
      ['override', '.m.rule.nothing'],
      ['room', 'a'],
      ['override', '__proto__'],
    ] as const) {
      expect(changePushRule(ABC, kind, ruleId, { enabled: false })).toEqual({
        ok: false,
        failure: { reason: 'unknown-rule' },
      })
      expect(removePushRule(ABC, kind, ruleId)).toEqual({ ok: false, failure: { reason: 'unknown-rule' } })
    }
  })

  test('only rules of the user can be removed', () => {
    expect(ids(value(removePushRule(ABC, 'content', 'b')))).toEqual(['a', 'c'])
    expect(removePushRule(ABC, 'underride', '.m.rule.message')).toEqual({
      ok: false,
      failure: { reason: 'predefined-rule' },
    })
  })
})
