import type { JsonObject, JsonValue, RoomEvent, RoomVersion, UserId } from '#spec'
import { objectAt } from '#spec'
import { creatorsOf } from './creators.ts'

/** A room's power levels, defaults filled in (client-server API, `m.room.power_levels`). */
export interface PowerLevels {
  readonly ban: number
  readonly kick: number
  readonly invite: number
  readonly redact: number
  readonly eventsDefault: number
  readonly stateDefault: number
  readonly usersDefault: number
  /** A user's level; Infinity for the creators of room version 12 and later. */
  readonly ofUser: (userId: string) => number
  /** The level that sending an event of that type takes. */
  readonly toSend: (type: string, isState: boolean) => number
  /** The level that a notification such as `room` (for `@room`) takes; 50 unless set. */
  readonly notification: (key: string) => number
}

const INTEGER_TEXT = /^\s*[+-]?\d+\s*$/

/**
 * One power level as its room version allows it to be written: an integer; before version 10 also a string that holds
 * one; before version 6 also a float, cut at the point ("Room version 1", "Deprecated event content schemas").
 * undefined for anything else.
 */
export const parsePowerLevel = (version: RoomVersion, value: JsonValue | undefined): number | undefined => {
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return value
    return version.strictCanonicalJson || !Number.isFinite(value) ? undefined : Math.trunc(value) + 0
  }
  if (typeof value !== 'string' || version.auth.integerPowerLevels || !INTEGER_TEXT.test(value)) return undefined
  const level = Number(value)
  return Number.isFinite(level) ? level : undefined
}

/** The levels that hold where `m.room.power_levels` sets none, or is absent. */
export const DEFAULT_LEVELS = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  redact: 50,
  kick: 50,
  invite: 0,
} as const

const DEFAULT_NOTIFICATION_LEVEL = 50
/** A creator's level in a room without `m.room.power_levels`. */
const CREATOR_LEVEL = 100

const levelAt = (version: RoomVersion, object: JsonObject | undefined, key: string): number | undefined =>
  object !== undefined && Object.hasOwn(object, key) ? parsePowerLevel(version, object[key]) : undefined

class EventPowerLevels implements PowerLevels {
  readonly ban: number
  readonly kick: number
  readonly invite: number
  readonly redact: number
  readonly eventsDefault: number
  readonly stateDefault: number
  readonly usersDefault: number
  readonly #version: RoomVersion
  readonly #creators: ReadonlySet<string>
  readonly #creatorLevel: number
  readonly #users: JsonObject | undefined
  readonly #events: JsonObject | undefined
  readonly #notifications: JsonObject | undefined

  constructor(version: RoomVersion, creators: readonly UserId[], content: JsonObject | undefined) {
    const named = (key: keyof typeof DEFAULT_LEVELS): number => levelAt(version, content, key) ?? DEFAULT_LEVELS[key]
    this.ban = named('ban')
    this.kick = named('kick')
    this.invite = named('invite')
    this.redact = named('redact')
    this.eventsDefault = named('events_default')
    this.stateDefault = named('state_default')
    this.usersDefault = named('users_default')
    this.#version = version
    const privileged = version.auth.privilegedCreators
    this.#creators = new Set(privileged || content === undefined ? creators : [])
    this.#creatorLevel = privileged ? Number.POSITIVE_INFINITY : CREATOR_LEVEL
    this.#users = content === undefined ? undefined : objectAt(content, 'users')
    this.#events = content === undefined ? undefined : objectAt(content, 'events')
    this.#notifications = content === undefined ? undefined : objectAt(content, 'notifications')
  }

  readonly ofUser = (userId: string): number =>
    this.#creators.has(userId) ? this.#creatorLevel : (levelAt(this.#version, this.#users, userId) ?? this.usersDefault)

  readonly toSend = (type: string, isState: boolean): number =>
    levelAt(this.#version, this.#events, type) ?? (isState ? this.stateDefault : this.eventsDefault)

  readonly notification = (key: string): number =>
    levelAt(this.#version, this.#notifications, key) ?? DEFAULT_NOTIFICATION_LEVEL
}

interface CachedLevels {
  readonly version: RoomVersion
  readonly create: RoomEvent | undefined
  readonly levels: PowerLevels
}

// Keyed by the event that the levels come from: power levels or, in a room without them, create. An event belongs to one room,
// so that create and version are in practice always the same; they are compared all the same.
const cache = new WeakMap<RoomEvent, CachedLevels>()

/**
 * Reads a room's power levels; without `m.room.power_levels` those of a new room: 100 for the creator, 0 for all others.
 * Costs nothing when asked again for the same event objects. A room always has a create event; undefined is for callers
 * that look at an event alone, and then nobody is the creator.
 */
export const powerLevelsOf = (
  version: RoomVersion,
  createEvent: RoomEvent | undefined,
  powerLevelsEvent: RoomEvent | undefined,
): PowerLevels => {
  const source = powerLevelsEvent ?? createEvent
  const cached = source === undefined ? undefined : cache.get(source)
  if (cached !== undefined && cached.create === createEvent && cached.version === version) return cached.levels
  const creators = createEvent === undefined ? [] : creatorsOf(version, createEvent)
  const levels = new EventPowerLevels(version, creators, powerLevelsEvent?.content)
  if (source !== undefined) cache.set(source, { version, create: createEvent, levels })
  return levels
}
