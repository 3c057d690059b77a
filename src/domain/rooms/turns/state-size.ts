import { MatrixError } from '#spec'
import type { StateSize } from '#store'

/** The most that the current state of one room may hold, members of usual size aside. */
export type StateLimits = StateSize

/** Bytes of a member event that are not counted: joining must be possible however full a room is. */
export const FREE_MEMBER_BYTES = 2_048

const MEMBER = 'm.room.member'
const NOTHING: StateSize = { bytes: 0, entries: 0 }

/** State by which people put a room in order. It is taken in a full room, too; there is one of each. */
const ALWAYS_TAKEN: ReadonlySet<string> = new Set([
  'm.room.create',
  'm.room.power_levels',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.server_acl',
  'm.room.tombstone',
])

const sizeOf = (type: string, json: string | undefined): StateSize => {
  if (json === undefined) return NOTHING
  const bytes = Buffer.byteLength(json)
  return type === MEMBER ? { bytes: Math.max(0, bytes - FREE_MEMBER_BYTES), entries: 0 } : { bytes, entries: 1 }
}

/** One entry of the state, before and after a change, as stored JSON. */
export interface ReplacedEntry {
  readonly type: string
  readonly stateKey: string
  readonly before: string | undefined
  /** undefined: the entry goes away. */
  readonly after: string | undefined
}

/** How a turn changes the size of its room's state. */
export class StateGrowth {
  readonly #limits: StateLimits
  #bytes = 0
  #entries = 0
  #changed = false

  constructor(limits: StateLimits) {
    this.#limits = limits
  }

  get changed(): boolean {
    return this.#changed
  }

  /** Counts a change. `base` is the size before the turn. Throws `M_TOO_LARGE` if the room would hold too much. */
  count({ type, stateKey, before, after }: ReplacedEntry, base: StateSize): void {
    const [old, next] = [sizeOf(type, before), sizeOf(type, after)]
    const bytes = this.#bytes + next.bytes - old.bytes
    const entries = this.#entries + next.entries - old.entries
    const grows = next.bytes > old.bytes || next.entries > old.entries
    const isTooMuch = base.bytes + bytes > this.#limits.bytes || base.entries + entries > this.#limits.entries
    if (grows && isTooMuch && !(stateKey === '' && ALWAYS_TAKEN.has(type)))
      throw new MatrixError('M_TOO_LARGE', "The room's state is full: remove or shorten some of it first")
    this.#bytes = bytes
    this.#entries = entries
    this.#changed = true
  }

  /** Counts a change that others accepted, whatever it makes of the room: a limit of this server must not split it. */
  take({ type, before, after }: Omit<ReplacedEntry, 'stateKey'>): void {
    const [old, next] = [sizeOf(type, before), sizeOf(type, after)]
    this.#bytes += next.bytes - old.bytes
    this.#entries += next.entries - old.entries
    this.#changed = true
  }

  /** The size after the turn. */
  after({ bytes, entries }: StateSize): StateSize {
    return { bytes: Math.max(0, bytes + this.#bytes), entries: Math.max(0, entries + this.#entries) }
  }
}
