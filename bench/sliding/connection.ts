import type { Answer, Caller } from '../growth/caller.ts'

/** State that Element X asks for of a room in its list, but for calls and locations. */
const REQUIRED_STATE = [
  ['m.room.name', ''],
  ['m.room.encryption', ''],
  ['m.room.member', '$LAZY'],
  ['m.room.member', '$ME'],
  ['m.room.topic', ''],
  ['m.room.avatar', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.power_levels', ''],
  ['m.room.join_rules', ''],
  ['m.room.tombstone', ''],
  ['m.room.create', ''],
  ['m.room.history_visibility', ''],
  ['m.space.parent', '*'],
  ['m.space.child', '*'],
]

const EXTENSIONS = {
  account_data: { enabled: true },
  receipts: { enabled: true, rooms: ['*'] },
  typing: { enabled: true },
}

/** One connection of sliding sync with one list, as the room list of Element X has it. */
export class Connection {
  readonly #caller: Caller
  readonly #id: string
  #pos = ''

  constructor(caller: Caller, id: string) {
    this.#caller = caller
    this.#id = id
  }

  /** The first answer, or the next one. `end`: the last place of the list's range. */
  async next(end: number, timeoutMs = 0): Promise<Answer> {
    const pos = this.#pos === '' ? '' : `&pos=${encodeURIComponent(this.#pos)}`
    const answer = await this.#caller.post(`${PATH}?timeout=${timeoutMs}&set_presence=offline${pos}`, {
      conn_id: this.#id,
      lists: { all_rooms: { ranges: [[0, end]], timeline_limit: 1, required_state: REQUIRED_STATE, filters: {} } },
      extensions: EXTENSIONS,
    })
    this.#pos = String(answer.pos)
    return answer
  }
}

const PATH = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'

export const roomsIn = ({ rooms = {} }: Answer): number => Object.keys(rooms as object).length
