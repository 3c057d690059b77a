import { describe, expect, test } from 'vitest'
import type { PushContext, PushOutcome, PushRule, PushRuleset, UserPushRules } from '#rules'
import { compilePushRules, evaluatePushRules, NO_USER_PUSH_RULES, rulesetOf, toPushCandidate } from '#rules'
import type { JsonObject, JsonValue, RoomEvent, RoomId, UserId } from '#spec'
import { roomEvent } from './support/events.ts'

const ALICE = '@alice:domain' as UserId

const CONTEXT: PushContext = {
  userId: ALICE,
  displayName: 'Alice',
  memberCount: 5,
  senderPowerLevel: 0,
  notificationPowerLevels: undefined,
}

const outcome = (
  changes: Partial<RoomEvent>,
  context: Partial<PushContext> = {},
  rules: UserPushRules = NO_USER_PUSH_RULES,
): PushOutcome | undefined => evaluatePushRules(rulesetOf(ALICE, rules), roomEvent(changes), { ...CONTEXT, ...context })

const ruleOf = (...parameters: Parameters<typeof outcome>): string | undefined => outcome(...parameters)?.ruleId

describe('the predefined rules', () => {
  const member = (membership: string, stateKey = ALICE): Partial<RoomEvent> => ({
    type: 'm.room.member',
    stateKey,
    content: { membership },
  })
  const message = (content: JsonObject): Partial<RoomEvent> => ({
    content: { msgtype: 'm.text', body: 'x', ...content },
  })
  const POLLS = '.org.matrix.msc3930.rule'
  const ROOM_MENTION = message({ 'm.mentions': { room: true } })

  const CASES: readonly [string, Partial<RoomEvent>, Partial<PushContext>, string | undefined][] = [
    ['a notice', message({ msgtype: 'm.notice' }), {}, '.m.rule.suppress_notices'],
    ['an invite for me', member('invite'), {}, '.m.rule.invite_for_me'],
    ['an invite for another', member('invite', '@carol:domain' as UserId), {}, '.m.rule.member_event'],
    ['a join', member('join'), {}, '.m.rule.member_event'],
    ['a mention', message({ 'm.mentions': { user_ids: ['@x:y', ALICE] } }), {}, '.m.rule.is_user_mention'],
    ['a mention of others', message({ 'm.mentions': { user_ids: ['@x:y'] } }), {}, '.m.rule.message'],
    ['a mention of the room', ROOM_MENTION, { senderPowerLevel: 50 }, '.m.rule.is_room_mention'],
    ['the same without the power', ROOM_MENTION, { senderPowerLevel: 49 }, '.m.rule.message'],
    ['the same by a creator', ROOM_MENTION, { senderPowerLevel: Number.POSITIVE_INFINITY }, '.m.rule.is_room_mention'],
    ['`room` that is no boolean', message({ 'm.mentions': { room: 1 } }), { senderPowerLevel: 100 }, '.m.rule.message'],
    ['a tombstone', { type: 'm.room.tombstone', stateKey: '', content: {} }, {}, '.m.rule.tombstone'],
    ['a tombstone that is no state', { type: 'm.room.tombstone', content: {} }, {}, undefined],
    ['a reaction', { type: 'm.reaction', content: {} }, {}, '.m.rule.reaction'],
    ['a server ACL', { type: 'm.room.server_acl', stateKey: '', content: {} }, {}, '.m.rule.room.server_acl'],
    ['an edit', message({ 'm.relates_to': { rel_type: 'm.replace' } }), {}, '.m.rule.suppress_edits'],
    ['a call', { type: 'm.call.invite', content: {} }, {}, '.m.rule.call'],
    [
      'an encrypted event of two',
      { type: 'm.room.encrypted', content: {} },
      { memberCount: 2 },
      '.org.matrix.msc4028.encrypted_event',
    ],
    ['a message of two', message({}), { memberCount: 2 }, '.m.rule.room_one_to_one'],
    ['a message', message({}), {}, '.m.rule.message'],
    ['an encrypted event', { type: 'm.room.encrypted', content: {} }, {}, '.org.matrix.msc4028.encrypted_event'],
    [
      'an encrypted edit',
      { type: 'm.room.encrypted', content: { 'm.relates_to': { rel_type: 'm.replace' } } },
      {},
      '.m.rule.suppress_edits',
    ],
    ['an answer to a poll', { type: 'org.matrix.msc3381.poll.response', content: {} }, {}, `${POLLS}.poll_response`],
    ['a poll', { type: 'org.matrix.msc3381.poll.start', content: {} }, {}, `${POLLS}.poll_start`],
    [
      'a poll of two',
      { type: 'org.matrix.msc3381.poll.start', content: {} },
      { memberCount: 2 },
      `${POLLS}.poll_start_one_to_one`,
    ],
    ['the end of a poll', { type: 'org.matrix.msc3381.poll.end', content: {} }, {}, `${POLLS}.poll_end`],
    [
      'the end of a poll of two',
      { type: 'org.matrix.msc3381.poll.end', content: {} },
      { memberCount: 2 },
      `${POLLS}.poll_end_one_to_one`,
    ],
    ['a topic', { type: 'm.room.topic', stateKey: '', content: { topic: 'Alice' } }, {}, undefined],
  ]

  test.each(CASES)('%s', (_, event, context, ruleId) => {
    expect(ruleOf(event, context)).toBe(ruleId)
  })

  test('what comes of them', () => {
    expect(outcome(message({ 'm.mentions': { user_ids: [ALICE] } }))).toEqual({
      kind: 'override',
      ruleId: '.m.rule.is_user_mention',
      actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
      notify: true,
      highlight: true,
    })
    expect(outcome(message({}))).toMatchObject({ kind: 'underride', notify: true, highlight: false })
    expect(outcome(message({ msgtype: 'm.notice' }))).toMatchObject({ actions: [], notify: false, highlight: false })
  })

  test('nobody is notified of their own events', () => {
    expect(outcome({ sender: ALICE })).toBeUndefined()
  })

  test('power levels for notifications come from the room, in old rooms as strings', () => {
    const power = (levels: JsonObject): string | undefined =>
      ruleOf(ROOM_MENTION, { senderPowerLevel: 10, notificationPowerLevels: levels })
    expect(power({ room: 10 })).toBe('.m.rule.is_room_mention')
    expect(power({ room: '10' })).toBe('.m.rule.is_room_mention')
    expect(power({ room: 11 })).toBe('.m.rule.message')
    expect(power({ room: 'ten' })).toBe('.m.rule.message')
    expect(power({})).toBe('.m.rule.message')
  })
})

const rule = (ruleId: string, changes: Partial<PushRule> = {}): PushRule => ({
  rule_id: ruleId,
  default: false,
  enabled: true,
  actions: ['notify'],
  ...changes,
})

const ruleset = (changes: Partial<PushRuleset>): PushRuleset => ({
  override: [],
  content: [],
  room: [],
  sender: [],
  underride: [],
  ...changes,
})

describe('the order of kinds', () => {
  const all = ruleset({
    override: [rule('override', { conditions: [] })],
    content: [rule('content', { pattern: 'hello' })],
    room: [rule('!r:domain')],
    sender: [rule('@bob:domain')],
    underride: [rule('underride')],
  })
  test.each([
    [{}, 'override'],
    [{ override: [] }, 'content'],
    [{ override: [], content: [] }, 'room'],
    [{ override: [], content: [], room: [rule('!other:domain')] }, 'sender'],
    [{ override: [], content: [], room: [], sender: [rule('@other:domain')] }, 'underride'],
  ])('%#: %j decides', (changes, kind) => {
    expect(evaluatePushRules({ ...all, ...changes }, roomEvent(), CONTEXT)?.kind).toBe(kind)
  })
  test('a rule that is disabled never matches', () => {
    const disabled = (rules: readonly PushRule[]): PushRule[] => rules.map((each) => ({ ...each, enabled: false }))
    const none = Object.fromEntries(Object.entries(all).map(([kind, rules]) => [kind, disabled(rules)]))
    expect(evaluatePushRules(none as unknown as PushRuleset, roomEvent(), CONTEXT)).toBeUndefined()
  })
  test('of one kind the first that matches decides', () => {
    const two = ruleset({ content: [rule('time', { pattern: 'time' }), rule('tea', { pattern: 'tea' })] })
    const event = roomEvent({ content: { body: "It's time for tea" } })
    expect(evaluatePushRules(two, event, CONTEXT)?.ruleId).toBe('time')
  })
})

describe('conditions', () => {
  const holds = (
    condition: JsonObject,
    event: Partial<RoomEvent> = {},
    context: Partial<PushContext> = {},
  ): boolean => {
    const rules = ruleset({ override: [rule('r', { conditions: [condition] })] })
    return evaluatePushRules(rules, roomEvent(event), { ...CONTEXT, ...context }) !== undefined
  }
  const match = (key: string, pattern: string): JsonObject => ({ kind: 'event_match', key, pattern })

  test('event_match on the keys of the event', () => {
    expect(holds(match('room_id', '!R:*'))).toBe(true)
    expect(holds(match('sender', '@bob:domain'))).toBe(true)
    expect(holds(match('state_key', '*'))).toBe(false)
    expect(holds(match('state_key', '*'), { stateKey: '' })).toBe(true)
    expect(holds(match('origin_server_ts', '*'))).toBe(false)
    expect(holds(match('content', '*'))).toBe(false)
    expect(holds(match('content.constructor.name', '*'))).toBe(false)
    expect(holds(match('content.a\\.b', 'c'), { content: { 'a.b': 'c' } })).toBe(true)
    expect(holds(match('content.a.b', 'c'), { content: { 'a.b': 'c' } })).toBe(false)
    expect(holds(match('content\\.body', '*'))).toBe(false)
  })

  test.each(['hello', 7, true, null])('event_property_is %j', (property) => {
    const is = (value: JsonValue): JsonObject => ({ kind: 'event_property_is', key: 'content.p', value })
    const event = { content: { p: property } }
    expect(holds(is(property), event)).toBe(true)
    for (const other of ['Hello', 8, false, '7', 'true', 'null']) expect(holds(is(other), event)).toBe(false)
    expect(holds(is(property), { content: {} })).toBe(false)
    expect(holds(is(property), { content: { p: [property] } })).toBe(false)
    expect(holds({ kind: 'event_property_contains', key: 'content.p', value: property }, event)).toBe(false)
    const list = { content: { p: [{}, [property], property] } }
    expect(holds({ kind: 'event_property_contains', key: 'content.p', value: property }, list)).toBe(true)
    expect(holds({ kind: 'event_property_contains', key: 'content.p', value: 'other' }, list)).toBe(false)
  })

  test('room_member_count', () => {
    const count = (is: JsonValue): boolean => holds({ kind: 'room_member_count', is })
    expect(['5', '==5', '<6', '<=5', '>4', '>=5'].map(count)).toEqual(Array(6).fill(true))
    expect(['4', '==6', '<5', '<=4', '>5', '>=6', '=5', ' 5', '5.0', '', '-5', '1e1', 5].map(count)).toEqual(
      Array(13).fill(false),
    )
  })

  test('contains_display_name', () => {
    const named = { kind: 'contains_display_name' }
    const event = { content: { body: 'hi, ALICE!' } }
    expect(holds(named, event)).toBe(true)
    expect(holds(named, event, { displayName: 'Ali' })).toBe(false)
    expect(holds(named, event, { displayName: '' })).toBe(false)
    expect(holds(named, event, { displayName: undefined })).toBe(false)
    expect(holds(named, { content: {} })).toBe(false)
  })

  test.each([
    { kind: 'org.example.unknown' },
    {},
    { kind: 7 },
    { kind: 'event_match', key: 'type' },
    { kind: 'event_match', pattern: '*' },
    { kind: 'event_property_is', key: 'type' },
    { kind: 'event_property_is', key: 'content', value: { msgtype: 'm.text', body: 'hello' } },
    { kind: 'event_property_is', key: 'type', value: 1.5 },
    { kind: 'room_member_count' },
    { kind: 'sender_notification_permission' },
    null as unknown as JsonObject,
  ])('unknown or malformed, so it never holds: %j', (condition) => {
    expect(holds(condition, {}, { senderPowerLevel: 100 })).toBe(false)
  })

  test('all must hold', () => {
    const both = (last: string): PushRuleset =>
      ruleset({ underride: [rule('r', { conditions: [match('type', '*'), match('sender', last)] })] })
    expect(evaluatePushRules(both('@bob:*'), roomEvent(), CONTEXT)).toBeDefined()
    expect(evaluatePushRules(both('@carol:*'), roomEvent(), CONTEXT)).toBeUndefined()
  })
})

describe('actions', () => {
  const act = (actions: readonly JsonValue[]): PushOutcome | undefined =>
    evaluatePushRules(ruleset({ room: [rule('!r:domain', { actions })] }), roomEvent(), CONTEXT)
  test('historical ones are ignored', () => {
    expect(act(['dont_notify'])).toMatchObject({ actions: [], notify: false })
    expect(act(['notify', 'coalesce'])).toMatchObject({ actions: ['notify'], notify: true })
  })
  test('a highlight without a value is one, and none without a notification', () => {
    expect(act(['notify', { set_tweak: 'highlight' }])?.highlight).toBe(true)
    expect(act(['notify', { set_tweak: 'highlight', value: true }])?.highlight).toBe(true)
    expect(act(['notify', { set_tweak: 'highlight', value: false }])?.highlight).toBe(false)
    expect(act([{ set_tweak: 'highlight' }])?.highlight).toBe(false)
  })
})

test('one event is held against the rules of many users', () => {
  const users = Array.from({ length: 50 }, (_, index) => `@user${index}:domain` as UserId)
  const evaluators = users.map((userId) => compilePushRules(rulesetOf(userId, NO_USER_PUSH_RULES)))
  const candidate = toPushCandidate(
    roomEvent({ roomId: '!r:domain' as RoomId, content: { body: 'x', 'm.mentions': { user_ids: [users[7] ?? ''] } } }),
  )
  const highlighted = users.filter((userId, index) => evaluators[index]?.(candidate, { ...CONTEXT, userId })?.highlight)
  expect(highlighted).toEqual([users[7]])
})
