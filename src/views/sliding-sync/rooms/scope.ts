import type { RoomByActivity, RoomNumber } from '#store'
import type { RoomList } from '../lists/room-list.ts'
import type { UserLists } from '../lists/user-lists.ts'
import type { Range, RoomConfig, SlidingRequest } from '../request.ts'
import type { CombinedConfig, RoomConfigs } from './room-configs.ts'

interface RuleList {
  readonly name: string
  readonly list: RoomList
  readonly ranges: readonly Range[]
  readonly config: RoomConfig
}

export interface ScopeParts {
  readonly request: SlidingRequest
  readonly lists: UserLists
  /** The rules of the request's lists, in their order. */
  readonly filtered: readonly RoomList[]
  readonly configs: RoomConfigs
}

const NONE: ReadonlyMap<RoomNumber, RoomConfig> = new Map()

/** The rules of one request: which rooms they match, and in which extent. Each question costs as much as there are rules. */
export class Scope {
  readonly rules: readonly RuleList[]
  /** Rooms that are subscribed to and may be told. */
  readonly subscribed: ReadonlyMap<RoomNumber, RoomConfig>
  readonly #lists: UserLists
  readonly #configs: RoomConfigs
  /** By the rules that match. */
  readonly #combined = new Map<string, CombinedConfig>()

  constructor({ request, lists, filtered, configs }: ScopeParts) {
    this.#lists = lists
    this.#configs = configs
    this.rules = [...request.lists].flatMap(([name, config], index) => {
      const list = filtered[index]
      return list === undefined ? [] : [{ name, list, ranges: config.ranges, config }]
    })
    this.subscribed = request.subscriptions.size === 0 ? NONE : this.#subscribed(request)
  }

  #subscribed({ subscriptions }: SlidingRequest): ReadonlyMap<RoomNumber, RoomConfig> {
    const subscribed = new Map<RoomNumber, RoomConfig>()
    for (const [roomId, config] of subscriptions) {
      const room = this.#lists.roomById(roomId)
      if (room !== undefined && this.#mayTell(room)) subscribed.set(room.room, config)
    }
    return subscribed
  }

  /** Rooms in the ranges of a list, by their index. */
  *inRanges({ list, ranges }: RuleList): Generator<RoomNumber, void, undefined> {
    for (const [first, last] of ranges) {
      for (let index = first; index <= last && index < list.order.size; index++) {
        const room = list.order.at(index)
        if (room !== undefined) yield room
      }
    }
  }

  *all(): Generator<RoomNumber, void, undefined> {
    for (const rule of this.rules) yield* this.inRanges(rule)
    yield* this.subscribed.keys()
  }

  /** The lists in whose range the room is. */
  rulesOf(room: RoomNumber): readonly RuleList[] {
    return this.rules.filter(({ list, ranges }) => {
      const index = list.order.indexOf(room)
      return index !== undefined && ranges.some(([first, last]) => index >= first && index <= last)
    })
  }

  record(room: RoomNumber): RoomByActivity | undefined {
    return this.#lists.room(room)
  }

  has(room: RoomNumber): boolean {
    return this.subscribed.has(room) || this.rulesOf(room).length > 0
  }

  /** The combined config of all rules that match; undefined where none does. */
  config(room: RoomNumber): CombinedConfig | undefined {
    const rules = this.rulesOf(room)
    const own = this.subscribed.get(room)
    const [rule] = rules
    if (rule === undefined && own === undefined) return undefined
    // Most often one rule matches, and its config is known to be combined with none.
    if (rule !== undefined && rules.length === 1 && own === undefined) return this.#configs.combine([rule.config])
    const key = `${rules.map(({ name }) => JSON.stringify(name)).join()} ${own === undefined ? '' : room}`
    const known = this.#combined.get(key)
    if (known !== undefined) return known
    const combined = this.#configs.combine([...rules.map(({ config }) => config), ...(own === undefined ? [] : [own])])
    this.#combined.set(key, combined)
    return combined
  }

  /** A user who left a room by themselves may still ask for it by name. */
  #mayTell({ room, everJoined }: RoomByActivity): boolean {
    return this.#lists.isListed(room) || everJoined
  }
}
