import { type EventId, type RoomEvent, type RoomId, type RoomVersion, stateTupleKey } from '#spec'
import { type Extremity, headOf, type RoomBase, type RoomNumber } from '#store'

/** A state event as the room's turn needs it. `json` is its stored PDU. */
export interface StateEntry {
  readonly event: RoomEvent
  readonly json: string
}

/** Loads one entry of the current state; `null` where there is none. */
export type LoadEntry = (type: string, stateKey: string) => Promise<StateEntry | null>

const HEAD_BYTES = 2_000
const ENTRY_OVERHEAD_BYTES = 400

/**
 * What a room's turn starts from: the head of its DAG, and those entries of the current state that turns have asked for.
 * Runs ahead of the database by the changes under way, so it lives until they are committed and is dropped when one fails.
 */
export class LiveRoom {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly version: RoomVersion
  sequence: number
  extremities: readonly Extremity[]
  /** Room versions 1 and 2: the JSON of extremities that may not be in the database yet. */
  newest: ReadonlyMap<EventId, string> = new Map()
  /** Settles with the last change that was handed to the store; a turn that changes nothing answers after it. */
  lastWrite: Promise<unknown> = Promise.resolve()
  /** Bytes of the entries held, estimated. */
  sizeBytes = HEAD_BYTES
  /** What the cache last counted this room as. */
  countedBytes = HEAD_BYTES
  readonly #entries = new Map<string, StateEntry | null>()
  readonly #load: LoadEntry

  constructor(
    head: {
      readonly room: RoomNumber
      readonly roomId: RoomId
      readonly version: RoomVersion
      readonly sequence: number
      readonly extremities: readonly Extremity[]
    },
    load: LoadEntry,
  ) {
    this.room = head.room
    this.roomId = head.roomId
    this.version = head.version
    this.sequence = head.sequence
    this.extremities = head.extremities
    this.#load = load
  }

  /** What the next change is computed from. */
  get base(): RoomBase {
    return { sequence: this.sequence, head: headOf(this.extremities) }
  }

  async entry(type: string, stateKey: string): Promise<StateEntry | undefined> {
    const key = stateTupleKey(type, stateKey)
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = await this.#load(type, stateKey)
      this.#put(key, entry)
    }
    return entry ?? undefined
  }

  /** The entry of a `stateTupleKey` as far as it is in memory: null where the room has none, undefined where nobody has asked yet. */
  held(key: string): StateEntry | null | undefined {
    return this.#entries.get(key)
  }

  set(type: string, stateKey: string, entry: StateEntry): void {
    this.#put(stateTupleKey(type, stateKey), entry)
  }

  /** Lets go of all entries. Only while no change is under way: what is asked for next is read from the database. */
  forgetEntries(): void {
    this.#entries.clear()
    this.sizeBytes = HEAD_BYTES
  }

  #put(key: string, entry: StateEntry | null): void {
    const before = this.#entries.get(key)
    this.sizeBytes += sizeOf(key, entry) - (before === undefined ? 0 : sizeOf(key, before))
    this.#entries.set(key, entry)
  }
}

const sizeOf = (key: string, entry: StateEntry | null): number =>
  ENTRY_OVERHEAD_BYTES + key.length * 2 + (entry === null ? 0 : entry.json.length * 3)
