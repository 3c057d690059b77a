import { type JsonObject, MatrixError } from '#spec'
import type { RoomNumber } from '#store'
import type { RoomScope } from '../extension.ts'
import type { WireForm } from '../request.ts'
import { isEnabled } from './member.ts'

/** The rooms that one extension tells of, by list and by subscription; undefined: all of them. */
export interface RoomChoice {
  readonly lists: ReadonlySet<string> | undefined
  readonly rooms: ReadonlySet<string> | undefined
}

const MAX_NAMES = 100
const ALL = '*'

/** Reads `lists` and `rooms` (MSC4508, "Common per-room extension semantics"). In the legacy form `*` stands for all. Throws `M_INVALID_PARAM`. */
export const readRoomChoice = (member: JsonObject, form: WireForm): RoomChoice | undefined => {
  if (!isEnabled(member)) return undefined
  return { lists: namesIn(member, 'lists', form), rooms: namesIn(member, 'rooms', form) }
}

const namesIn = (member: JsonObject, key: 'lists' | 'rooms', form: WireForm): ReadonlySet<string> | undefined => {
  const names = member[key]
  if (names === undefined || names === null) return undefined
  if (!Array.isArray(names) || names.length > MAX_NAMES || !names.every((name) => typeof name === 'string'))
    throw new MatrixError('M_INVALID_PARAM', `${key} of an extension is no list of at most ${MAX_NAMES} names`)
  return form === 'legacy' && names.includes(ALL) ? undefined : new Set(names as readonly string[])
}

/** No room came into the scope, and none is told from its beginning or with more of its past. */
export const hasOnlyNewEvents = ({ entered, answered }: RoomScope): boolean => {
  if (entered.size > 0) return false
  for (const { initial, expanded } of answered.values()) if (initial || expanded) return false
  return true
}

/** The rooms of a scope that a choice leaves. */
export class ChosenRooms {
  readonly #scope: RoomScope
  readonly #choice: RoomChoice

  constructor(scope: RoomScope, choice: RoomChoice) {
    this.#scope = scope
    this.#choice = choice
  }

  has(room: RoomNumber): boolean {
    const { lists, rooms } = this.#choice
    const scope = this.#scope
    if (!scope.has(room)) return false
    if (lists === undefined && rooms === undefined) return true
    const names = scope.listsOf(room)
    if (lists === undefined ? names.length > 0 : names.some((name) => lists.has(name))) return true
    return scope.isSubscribed(room) && (rooms === undefined || rooms.has(scope.roomId(room) ?? ''))
  }

  *all(): Iterable<RoomNumber> {
    for (const room of this.#scope.all()) if (this.has(room)) yield room
  }

  *entered() {
    for (const entry of this.#scope.entered) if (this.has(entry[0])) yield entry
  }

  /** The same, without rooms that the user is not joined to: whatever others do there is not theirs to see. */
  joined(): { has(room: RoomNumber): boolean; all(): Iterable<RoomNumber> } {
    const has = (room: RoomNumber): boolean => this.has(room) && this.#scope.membership(room) === 'join'
    const all = (): Iterable<RoomNumber> => [...this.all()].filter(has)
    return { has, all }
  }
}
