import type { JsonObject, JsonValue, UserId } from '#spec'
import { THREAD_SUBSCRIPTION } from './conditions.ts'
import type { PushRule, PushRuleKind } from './push-rule.ts'

const NOTIFY: readonly JsonValue[] = ['notify']
const HIGHLIGHT: JsonValue = { set_tweak: 'highlight' }
const sound = (value: string): JsonValue => ({ set_tweak: 'sound', value })

const match = (key: string, pattern: string): JsonObject => ({ kind: 'event_match', key, pattern })

const rule = (ruleId: string, conditions: readonly JsonObject[], actions: readonly JsonValue[] = []): PushRule => ({
  rule_id: ruleId,
  default: true,
  enabled: true,
  conditions,
  actions,
})

/** Stands above every other rule, those of the user included. */
export const MASTER_RULE: PushRule = { ...rule('.m.rule.master', []), enabled: false }

const NOTIFY_WITH_SOUND: readonly JsonValue[] = ['notify', sound('default')]
const TWO_MEMBERS: JsonObject = { kind: 'room_member_count', is: '2' }
const PLAIN_STATE = match('state_key', '')

/**
 * The predefined rules (client-server API, "Predefined Rules"), but for the master rule. Some name the user, so they
 * are made for each.
 */
export const defaultOverrideRules = (userId: UserId): readonly PushRule[] => [
  SUPPRESS_NOTICES,
  rule(
    '.m.rule.invite_for_me',
    [match('type', 'm.room.member'), match('content.membership', 'invite'), match('state_key', userId)],
    NOTIFY_WITH_SOUND,
  ),
  ...OVERRIDE_AFTER_INVITE,
  rule(
    '.m.rule.is_user_mention',
    [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
    ['notify', sound('default'), HIGHLIGHT],
  ),
  ...OVERRIDE_AFTER_MENTION,
]

/**
 * MSC4028: a device decrypts an event and holds it against the rules again, so it has to hear of all of them but those in muted rooms. matrix-rust-sdk
 * (Element X) looks for the rule by this name. The proposal wants it first; here it is last, so that the specification's own rules hold, such as the one
 * for edits.
 */
const ENCRYPTED_EVENT = rule('.org.matrix.msc4028.encrypted_event', [match('type', 'm.room.encrypted')], NOTIFY)

const SUPPRESS_NOTICES = rule('.m.rule.suppress_notices', [match('content.msgtype', 'm.notice')])

/** MSC3930, under the names that clients know; polls have theirs by MSC3381. */
const POLLS = '.org.matrix.msc3930.rule'
const POLL = 'org.matrix.msc3381.poll'

const OVERRIDE_AFTER_INVITE: readonly PushRule[] = [rule('.m.rule.member_event', [match('type', 'm.room.member')])]

const OVERRIDE_AFTER_MENTION: readonly PushRule[] = [
  rule(
    '.m.rule.is_room_mention',
    [
      { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
      { kind: 'sender_notification_permission', key: 'room' },
    ],
    ['notify', HIGHLIGHT],
  ),
  rule('.m.rule.tombstone', [match('type', 'm.room.tombstone'), PLAIN_STATE], ['notify', HIGHLIGHT]),
  rule('.m.rule.reaction', [match('type', 'm.reaction')]),
  rule('.m.rule.room.server_acl', [match('type', 'm.room.server_acl'), PLAIN_STATE]),
  rule('.m.rule.suppress_edits', [
    { kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' },
  ]),
  rule(`${POLLS}.poll_response`, [match('type', `${POLL}.response`)]),
  ENCRYPTED_EVENT,
]

export const DEFAULT_UNDERRIDE_RULES: readonly PushRule[] = [
  rule('.m.rule.call', [match('type', 'm.call.invite')], ['notify', sound('ring')]),
  rule('.m.rule.encrypted_room_one_to_one', [TWO_MEMBERS, match('type', 'm.room.encrypted')], NOTIFY_WITH_SOUND),
  rule('.m.rule.room_one_to_one', [TWO_MEMBERS, match('type', 'm.room.message')], NOTIFY_WITH_SOUND),
  rule('.m.rule.message', [match('type', 'm.room.message')], NOTIFY),
  rule('.m.rule.encrypted', [match('type', 'm.room.encrypted')], NOTIFY),
  rule(`${POLLS}.poll_start_one_to_one`, [TWO_MEMBERS, match('type', `${POLL}.start`)], NOTIFY_WITH_SOUND),
  rule(`${POLLS}.poll_start`, [match('type', `${POLL}.start`)], NOTIFY),
  rule(`${POLLS}.poll_end_one_to_one`, [TWO_MEMBERS, match('type', `${POLL}.end`)], NOTIFY_WITH_SOUND),
  rule(`${POLLS}.poll_end`, [match('type', `${POLL}.end`)], NOTIFY),
]

/** MSC4306: a thread that nobody subscribed to is silent but for mentions, and one that the user subscribed to is heard in a muted room too. */
const THREADS = '.io.element.msc4306.rule'
const subscribed = (value: boolean): JsonObject => ({ kind: THREAD_SUBSCRIPTION, subscribed: value })

export const THREAD_RULES: readonly PushRule[] = [
  rule(`${THREADS}.unsubscribed_thread`, [subscribed(false)]),
  rule(`${THREADS}.subscribed_thread`, [subscribed(true)], NOTIFY_WITH_SOUND),
]

/** The predefined rules that are the same objects in every user's ruleset, so that their compiled form can be shared. */
export const SHARED_RULES: readonly (readonly [PushRule, PushRuleKind])[] = [
  ...[MASTER_RULE, SUPPRESS_NOTICES, ...OVERRIDE_AFTER_INVITE, ...OVERRIDE_AFTER_MENTION].map(
    (each) => [each, 'override'] as const,
  ),
  ...THREAD_RULES.map((each) => [each, 'postcontent'] as const),
  ...DEFAULT_UNDERRIDE_RULES.map((each) => [each, 'underride'] as const),
]

const KINDS_OF_DEFAULTS: ReadonlyMap<string, PushRuleKind> = new Map<string, PushRuleKind>([
  [MASTER_RULE.rule_id, 'override'],
  ...defaultOverrideRules('@user:server' as UserId).map(({ rule_id }) => [rule_id, 'override'] as const),
  ...THREAD_RULES.map(({ rule_id }) => [rule_id, 'postcontent'] as const),
  ...DEFAULT_UNDERRIDE_RULES.map(({ rule_id }) => [rule_id, 'underride'] as const),
])

/** The kind of the predefined rule of that id, undefined if there is none. */
export const kindOfDefaultRule = (ruleId: string): PushRuleKind | undefined => KINDS_OF_DEFAULTS.get(ruleId)
