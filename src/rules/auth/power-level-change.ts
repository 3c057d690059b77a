import type { JsonObject, RoomEvent, RoomVersion } from '#spec'
import { isJsonObject, objectAt, parseUserId } from '#spec'
import type { AuthContext } from './context.ts'
import { levelsOf } from './context.ts'
import { creatorsOf } from './creators.ts'
import { DEFAULT_LEVELS, parsePowerLevel } from './power-levels.ts'
import type { AuthVerdict, PowerLevelField } from './refusal.ts'
import { ALLOWED, refuse } from './refusal.ts'

const FIELDS = Object.keys(DEFAULT_LEVELS) as readonly PowerLevelField[]

/** The rule of `m.room.power_levels`: well-formed, and no change beyond the sender's own level. */
export const authorisePowerLevels = (context: AuthContext): AuthVerdict => {
  const { version, event, create } = context
  const malformed = malformedField(version, event.content)
  if (malformed !== undefined) return refuse({ reason: 'power-levels-malformed', field: malformed })
  if (version.auth.privilegedCreators) {
    const users = objectAt(event.content, 'users') ?? {}
    const userId = creatorsOf(version, create).find((creator) => Object.hasOwn(users, creator))
    if (userId !== undefined) return refuse({ reason: 'power-levels-name-creator', userId })
  }
  const current = context.stateAt('m.room.power_levels', '')
  if (current === undefined) return ALLOWED
  return checkChange(context, current)
}

/** The first field that has not the form its room version asks for. */
const malformedField = (version: RoomVersion, content: JsonObject): string | undefined => {
  if (version.auth.integerPowerLevels) {
    for (const field of FIELDS) {
      if (Object.hasOwn(content, field) && parsePowerLevel(version, content[field]) === undefined) return field
    }
    for (const field of ['events', 'notifications']) {
      if (!isLevelMap(version, content, field)) return field
    }
  }
  if (!isLevelMap(version, content, 'users')) return 'users'
  const isUserId = (key: string): boolean => parseUserId(key) !== undefined
  return Object.keys(objectAt(content, 'users') ?? {}).every(isUserId) ? undefined : 'users'
}

/** Whether the member is absent or an object whose values are all power levels. */
const isLevelMap = (version: RoomVersion, content: JsonObject, field: string): boolean => {
  if (!Object.hasOwn(content, field)) return true
  const map = content[field]
  return isJsonObject(map) && Object.values(map).every((value) => parsePowerLevel(version, value) !== undefined)
}

const checkChange = (context: AuthContext, current: RoomEvent): AuthVerdict => {
  const { version, event } = context
  const senderLevel = levelsOf(context).ofUser(event.sender)
  const fields = checkFields(version, current.content, event.content, senderLevel)
  if (!fields.allowed) return fields
  for (const field of version.auth.limitNotificationsPower ? ['events', 'notifications'] : ['events']) {
    const entries = checkEntries({ version, current, event, field, senderLevel })
    if (!entries.allowed) return entries
  }
  return checkEntries({ version, current, event, field: 'users', senderLevel })
}

/**
 * The named levels. A level that is not set counts as its default ("Power levels are inferred from defaults when not
 * explicitly supplied"), so that setting or dropping it takes the power which the default asks for.
 */
const checkFields = (version: RoomVersion, before: JsonObject, after: JsonObject, senderLevel: number): AuthVerdict => {
  for (const field of FIELDS) {
    const old = Object.hasOwn(before, field) ? parsePowerLevel(version, before[field]) : undefined
    const isSet = Object.hasOwn(after, field)
    const next = isSet ? parsePowerLevel(version, after[field]) : undefined
    // Before room version 10 nothing has looked at this value yet.
    if (isSet && next === undefined) return refuse({ reason: 'power-levels-malformed', field })
    if (old === next) continue
    const level = Math.max(old ?? DEFAULT_LEVELS[field], next ?? DEFAULT_LEVELS[field])
    if (level > senderLevel) return refuse({ reason: 'power-level-out-of-reach', field, level, actual: senderLevel })
  }
  return ALLOWED
}

interface EntryCheck {
  readonly version: RoomVersion
  readonly current: RoomEvent
  readonly event: RoomEvent
  readonly field: string
  readonly senderLevel: number
}

/** The entries of `events`, `notifications` or `users` that are added, changed or removed. */
const checkEntries = ({ version, current, event, field, senderLevel }: EntryCheck): AuthVerdict => {
  const before = objectAt(current.content, field) ?? {}
  const after = objectAt(event.content, field) ?? {}
  if (Object.hasOwn(event.content, field) && !isJsonObject(event.content[field]))
    return refuse({ reason: 'power-levels-malformed', field })
  const outOfReach = (key: string, level: number): AuthVerdict =>
    refuse({ reason: 'power-level-out-of-reach', field: `${field}.${key}`, level, actual: senderLevel })
  // Another user of the sender's level cannot be changed; an event's level may be as high as the sender's.
  const isBeyond = (key: string, old: number): boolean =>
    field === 'users' ? key !== event.sender && old >= senderLevel : old > senderLevel
  for (const [key, value] of Object.entries(after)) {
    const next = parsePowerLevel(version, value)
    if (next === undefined) return refuse({ reason: 'power-levels-malformed', field: `${field}.${key}` })
    const old = Object.hasOwn(before, key) ? parsePowerLevel(version, before[key]) : undefined
    if (old === next) continue
    if (old !== undefined && isBeyond(key, old)) return outOfReach(key, old)
    if (next > senderLevel) return outOfReach(key, next)
  }
  for (const [key, value] of Object.entries(before)) {
    const old = Object.hasOwn(after, key) ? undefined : parsePowerLevel(version, value)
    if (old !== undefined && isBeyond(key, old)) return outOfReach(key, old)
  }
  return ALLOWED
}
