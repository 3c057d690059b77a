import { DEFAULT_LEVELS, parsePowerLevel } from '#rules'
import {
  isJsonObject,
  type JsonObject,
  objectAt,
  parseRoomId,
  parseUserId,
  type RoomAlias,
  type RoomId,
  type RoomVersion,
  stringAt,
  type UserId,
} from '#spec'

/**
 * State with an empty state key that the new room gets at once: the types that the specification recommends ("Room upgrades", "Server behaviour"),
 * and those of later modules that say of the room as a whole how it is. Join rules and power levels come last, see `RoomUpgrades`.
 */
export const COPIED_AT_ONCE = [
  'm.room.encryption',
  'm.room.server_acl',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.name',
  'm.room.topic',
  'm.room.avatar',
  'm.room.policy',
  'm.room.retention',
  'm.room.image_pack',
] as const

/** Said in the new room where the old one left it to the default: clients look for what presets set, guest access among it, before they show the room as made. */
export const SAID_ANYWAY: Readonly<Partial<Record<string, JsonObject>>> = {
  'm.room.guest_access': { guest_access: 'forbidden' },
}

/** State of which a room may have very many, with any state key: spaces (MSC4168), the rules of a policy room, packs of images. */
export const COPIED_IN_PIECES = [
  'm.space.child',
  'm.space.parent',
  'm.policy.rule.user',
  'm.policy.rule.room',
  'm.policy.rule.server',
  'm.room.image_pack',
] as const

/** The parts of a create event that say what kind of room it is. Creators are not transferred: the upgrade names them anew. */
export const createContentAfter = (
  before: JsonObject,
  version: RoomVersion,
  upgrader: UserId,
  additionalCreators: readonly UserId[],
): JsonObject => ({
  ...(typeof before.type === 'string' ? { type: before.type } : {}),
  ...(typeof before['m.federate'] === 'boolean' ? { 'm.federate': before['m.federate'] } : {}),
  room_version: version.id,
  ...(version.auth.creatorIsSender ? {} : { creator: upgrader }),
  ...(version.auth.privilegedCreators && additionalCreators.length > 0
    ? { additional_creators: [...additionalCreators] }
    : {}),
})

/** The join rules in the new version: where it does not know the rule, people have to be invited. */
export const joinRulesAfter = (content: JsonObject, { auth }: RoomVersion): JsonObject => {
  const known: Readonly<Record<string, boolean>> = {
    knock: auth.knocking,
    restricted: auth.restrictedJoins,
    knock_restricted: auth.knockRestrictedJoins,
  }
  const { join_rule: rule } = content
  return typeof rule === 'string' && Object.hasOwn(known, rule) && known[rule] === false
    ? { join_rule: 'invite' }
    : content
}

const CREATOR_LEVEL = 100
const LEVELS = Object.keys(DEFAULT_LEVELS)

/** One map of levels, written as every version takes it: whole numbers. Entries that are no levels had no meaning and go. */
const levelMap = (version: RoomVersion, map: JsonObject, isKey: (key: string) => boolean): Record<string, number> => {
  const kept: [string, number][] = []
  for (const [key, value] of Object.entries(map)) {
    const level = parsePowerLevel(version, value)
    if (level !== undefined && Number.isSafeInteger(level) && isKey(key)) kept.push([key, level])
  }
  return Object.fromEntries(kept)
}

/** The old room's power levels as the new version takes them. The creators of versions that set them above all levels are not named. */
export const powerLevelsAfter = (
  before: JsonObject | undefined,
  from: RoomVersion,
  to: RoomVersion,
  creators: readonly UserId[],
): JsonObject => {
  const { users, events, notifications, ...rest } = before ?? {}
  const named = levelMap(from, isJsonObject(users) ? users : {}, (key) => parseUserId(key) !== undefined)
  const [upgrader] = creators
  if (to.auth.privilegedCreators) for (const creator of creators) delete named[creator]
  // Without power levels, or above them, the upgrader had the power that a creator has.
  else if (upgrader !== undefined && (before === undefined || from.auth.privilegedCreators))
    named[upgrader] = highestLevel({ ...before, users: named }, from)
  const levels = levelMap(from, rest, (key) => LEVELS.includes(key))
  const others = Object.entries(rest).filter(([key]) => !LEVELS.includes(key))
  return {
    ...Object.fromEntries(others),
    ...levels,
    users: named,
    ...(isJsonObject(events) ? { events: levelMap(from, events, () => true) } : {}),
    ...(isJsonObject(notifications) ? { notifications: levelMap(from, notifications, () => true) } : {}),
  }
}

/** The highest level that is named anywhere in power levels, and at least that of a creator. */
export const highestLevel = (content: JsonObject, version: RoomVersion): number => {
  let highest = CREATOR_LEVEL
  const consider = (values: readonly JsonObject[string][]): void => {
    for (const value of values) highest = Math.max(highest, parsePowerLevel(version, value) ?? 0)
  }
  consider(LEVELS.map((key) => content[key] ?? 0))
  for (const key of ['users', 'events', 'notifications']) consider(Object.values(objectAt(content, key) ?? {}))
  return highest
}

/**
 * The old room's power levels once it is replaced: messages and invites take 50, or one more than everybody has. undefined: they do
 * already.
 */
export const frozenPowerLevels = (before: JsonObject, version: RoomVersion): JsonObject | undefined => {
  const levelOf = (key: keyof typeof DEFAULT_LEVELS): number =>
    parsePowerLevel(version, before[key]) ?? DEFAULT_LEVELS[key]
  const needed = Math.max(50, levelOf('users_default') + 1)
  const raised = (['events_default', 'invite'] as const).filter((key) => levelOf(key) < needed)
  return raised.length === 0 ? undefined : { ...before, ...Object.fromEntries(raised.map((key) => [key, needed])) }
}

/** A canonical alias event's content with those of its aliases that pass. */
export const withAliases = (content: JsonObject, keep: (alias: RoomAlias) => boolean): JsonObject => {
  const { alias, alt_aliases: others, ...rest } = content
  const kept = (Array.isArray(others) ? others : []).filter((other) => keep(other as RoomAlias))
  return {
    ...rest,
    ...(typeof alias === 'string' && keep(alias as RoomAlias) ? { alias } : {}),
    ...(kept.length === 0 ? {} : { alt_aliases: kept }),
  }
}

/** The id of the room that a create event says it replaces. */
export const predecessorIn = (createContent: JsonObject): RoomId | undefined =>
  parseRoomId(stringAt(objectAt(createContent, 'predecessor') ?? {}, 'room_id') ?? '')

/** The id of the room that a tombstone names. */
export const replacementIn = (content: JsonObject): RoomId | undefined =>
  parseRoomId(stringAt(content, 'replacement_room') ?? '')
