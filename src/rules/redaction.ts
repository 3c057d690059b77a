import type { EventId, JsonObject, JsonValue, Pdu, RedactionRules, RoomVersion } from '#spec'
import { isJsonObject, parseEventId } from '#spec'

/** Sorted as in canonical JSON, so that a redacted event comes out sorted. */
const TOP_LEVEL_KEYS = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'membership',
  'origin',
  'origin_server_ts',
  'prev_events',
  'prev_state',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
] as const

const OLD_TOP_LEVEL_KEYS: ReadonlySet<string> = new Set(['membership', 'origin', 'prev_state'])

/**
 * The event stripped of all that a redaction removes ("Room versions", "Redactions" of each version). This is also what
 * signatures and reference hashes cover, so `unsigned` goes too. The original is left as it is.
 */
export const redact = (version: RoomVersion, pdu: Pdu): Pdu => {
  const kept: Record<string, JsonValue> = {}
  for (const key of TOP_LEVEL_KEYS) {
    if (!version.redaction.keepOldTopLevel && OLD_TOP_LEVEL_KEYS.has(key)) continue
    const value = own(pdu, key)
    if (value !== undefined) kept[key] = value
  }
  kept.content = redactContent(version, pdu.type, pdu.content)
  return kept as unknown as Pdu
}

/** Returns the part of an event's content that a redaction leaves. */
export const redactContent = (version: RoomVersion, type: string, content: JsonObject): JsonObject => {
  if (type === 'm.room.create' && version.redaction.keepCreateContent) return content
  const kept: Record<string, JsonValue> = {}
  for (const key of contentKeys(version.redaction, type)) {
    const value = own(content, key)
    if (value !== undefined) kept[key] = value
  }
  if (type === 'm.room.member' && version.redaction.keepThirdPartyInviteSigned) keepSigned(kept, content)
  return kept
}

/** Only `signed` stays of `third_party_invite`; an object without it stays as an empty one. */
const keepSigned = (kept: Record<string, JsonValue>, content: JsonObject): void => {
  const invite = own(content, 'third_party_invite')
  if (!isJsonObject(invite)) return
  const signed = own(invite, 'signed')
  kept.third_party_invite = signed === undefined ? {} : { signed }
}

const NO_KEYS: readonly string[] = []
const POWER_LEVEL_KEYS = [
  'ban',
  'events',
  'events_default',
  'kick',
  'redact',
  'state_default',
  'users',
  'users_default',
]
const POWER_LEVEL_KEYS_WITH_INVITE = ['ban', 'events', 'events_default', 'invite', ...POWER_LEVEL_KEYS.slice(3)]

const contentKeys = (rules: RedactionRules, type: string): readonly string[] => {
  switch (type) {
    case 'm.room.member':
      return rules.keepMemberAuthorisedVia ? ['join_authorised_via_users_server', 'membership'] : ['membership']
    case 'm.room.create':
      return ['creator']
    case 'm.room.join_rules':
      return rules.keepJoinRuleAllow ? ['allow', 'join_rule'] : ['join_rule']
    case 'm.room.power_levels':
      return rules.keepInvitePowerLevel ? POWER_LEVEL_KEYS_WITH_INVITE : POWER_LEVEL_KEYS
    case 'm.room.history_visibility':
      return ['history_visibility']
    case 'm.room.aliases':
      return rules.keepAliases ? ['aliases'] : NO_KEYS
    case 'm.room.redaction':
      return rules.keepRedactsInContent ? ['redacts'] : NO_KEYS
    default:
      return NO_KEYS
  }
}

const own = (object: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined

/** The event an `m.room.redaction` asks to redact; undefined for other events, and for a target that is no event id. */
export const redactionTarget = (version: RoomVersion, pdu: JsonObject): EventId | undefined => {
  if (pdu.type !== 'm.room.redaction') return undefined
  const holder = version.redactsIn === 'content' ? own(pdu, 'content') : pdu
  const target = isJsonObject(holder) ? own(holder, 'redacts') : undefined
  return typeof target === 'string' ? parseEventId(target) : undefined
}
