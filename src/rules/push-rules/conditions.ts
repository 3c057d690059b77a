import type { JsonObject, JsonValue, UserId } from '#spec'
import { stringAt } from '#spec'
import type { GlobMatcher } from './glob.ts'
import { compileGlob, compileWordGlob, containsWords } from './glob.ts'
import type { PushCandidate } from './push-candidate.ts'
import { MAX_PATH_LENGTH, toPropertyPath } from './push-candidate.ts'
import { type Steps, spend } from './steps.ts'

/** The facts of the room and the reader that a rule may depend on, besides the event. */
export interface PushContext {
  readonly userId: UserId
  readonly displayName: string | undefined
  readonly memberCount: number
  /** Infinity for a creator of room version 12. */
  readonly senderPowerLevel: number
  /** `notifications` of the content of `m.room.power_levels`, if there is any. */
  readonly notificationPowerLevels: JsonObject | undefined
  /** The profile tag of the pusher for which the rules are evaluated. */
  readonly profileTag?: string | undefined
  /** Whether the user subscribed to the event's thread; undefined for an event that is in none, and where no rule asks. */
  readonly isSubscribed?: boolean | undefined
}

/** The kind of a condition (MSC4306, unstable). */
export const THREAD_SUBSCRIPTION = 'io.element.msc4306.thread_subscription'

export type Condition = (candidate: PushCandidate, context: PushContext, steps: Steps) => boolean

/** An unknown condition must match nothing (client-server API, "Conditions"), and so must a malformed one. */
export const NEVER: Condition = () => false

export const compileCondition = (condition: JsonObject): Condition => {
  switch (stringAt(condition, 'kind')) {
    case 'event_match':
      return eventMatch(stringAt(condition, 'key'), stringAt(condition, 'pattern'))
    case 'event_property_is':
      return eventPropertyIs(stringAt(condition, 'key'), ownValue(condition))
    case 'event_property_contains':
      return eventPropertyContains(stringAt(condition, 'key'), ownValue(condition))
    case 'contains_display_name':
      return containsDisplayName
    case 'room_member_count':
      return roomMemberCount(stringAt(condition, 'is'))
    case 'sender_notification_permission':
      return senderNotificationPermission(stringAt(condition, 'key'))
    case 'profile_tag':
    case 'device':
      return profileTagIs(stringAt(condition, 'profile_tag'))
    case THREAD_SUBSCRIPTION:
      return threadSubscription(condition.subscribed)
    default:
      return NEVER
  }
}

const BODY = toPropertyPath('content.body')
const isPath = (key: string | undefined): key is string => key !== undefined && key.length <= MAX_PATH_LENGTH

/** `content.body` is searched for words that match; every other property must match as a whole. */
export const eventMatch = (key: string | undefined, pattern: string | undefined): Condition => {
  if (!isPath(key) || pattern === undefined) return NEVER
  const path = toPropertyPath(key)
  const isBody = path.names.length === 2 && path.names[0] === 'content' && path.names[1] === 'body'
  const matches: GlobMatcher = isBody ? compileWordGlob(pattern) : compileGlob(pattern)
  return (candidate, _, steps) => {
    const text = candidate.textAt(path)
    return text !== undefined && matches(text, steps)
  }
}

type SimpleValue = string | number | boolean | null

const ownValue = (condition: JsonObject): JsonValue | undefined =>
  Object.hasOwn(condition, 'value') ? condition.value : undefined

/** A value that is not compound, as far as canonical JSON has it. */
const isSimple = (value: JsonValue | undefined): value is SimpleValue =>
  typeof value === 'number'
    ? Number.isSafeInteger(value)
    : typeof value === 'string' || typeof value === 'boolean' || value === null

const eventPropertyIs = (key: string | undefined, value: JsonValue | undefined): Condition => {
  if (!isPath(key) || !isSimple(value)) return NEVER
  const path = toPropertyPath(key)
  return (candidate) => candidate.valueAt(path) === value
}

/** Lists up to this length are searched however few steps are left: a mention among others must be found. */
const ALWAYS_SEARCHED = 100

const eventPropertyContains = (key: string | undefined, value: JsonValue | undefined): Condition => {
  if (!isPath(key) || !isSimple(value)) return NEVER
  const path = toPropertyPath(key)
  return (candidate, _, steps) => {
    const items = candidate.valueAt(path)
    if (!Array.isArray(items)) return false
    return (spend(steps, items.length) || items.length <= ALWAYS_SEARCHED) && items.includes(value)
  }
}

const containsDisplayName: Condition = (candidate, { displayName }, steps) => {
  const body = displayName === undefined ? undefined : candidate.textAt(BODY)
  return body !== undefined && displayName !== undefined && containsWords(body, displayName, steps)
}

const MEMBER_COUNT = /^(==|<=|>=|<|>)?(\d{1,15})$/

const roomMemberCount = (is: string | undefined): Condition => {
  const parts = MEMBER_COUNT.exec(is ?? '')
  if (parts === null) return NEVER
  const limit = Number(parts[2])
  switch (parts[1]) {
    case '<':
      return (_, { memberCount }) => memberCount < limit
    case '<=':
      return (_, { memberCount }) => memberCount <= limit
    case '>':
      return (_, { memberCount }) => memberCount > limit
    case '>=':
      return (_, { memberCount }) => memberCount >= limit
    default:
      return (_, { memberCount }) => memberCount === limit
  }
}

/** Conditions of 2015, under two names: rules that hold for the pushers of some devices only, and count nowhere else. */
const profileTagIs = (tag: string | undefined): Condition =>
  tag === undefined ? NEVER : (_, { profileTag }) => profileTag === tag

const threadSubscription = (wanted: JsonValue | undefined): Condition =>
  typeof wanted === 'boolean' ? (_, { isSubscribed }) => isSubscribed === wanted : NEVER

/** `m.room.power_levels`: 50 if nothing is said. */
const DEFAULT_NOTIFICATION_POWER_LEVEL = 50

const senderNotificationPermission = (key: string | undefined): Condition => {
  if (key === undefined) return NEVER
  return (_, { senderPowerLevel, notificationPowerLevels }) =>
    senderPowerLevel >= requiredLevel(notificationPowerLevels, key)
}

/** Room versions before 10 allow levels to be strings that hold an integer. */
const requiredLevel = (levels: JsonObject | undefined, key: string): number => {
  const level = levels !== undefined && Object.hasOwn(levels, key) ? levels[key] : undefined
  if (typeof level === 'number' && Number.isFinite(level)) return level
  return typeof level === 'string' && /^\s*[+-]?\d{1,16}\s*$/.test(level)
    ? Number(level)
    : DEFAULT_NOTIFICATION_POWER_LEVEL
}
