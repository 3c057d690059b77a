import { jsonBytes, textBytes } from '#base'
import { type EventId, type RoomEvent, type RoomId, type RoomVersion, stateTupleKey } from '#spec'
import { type Extremity, headOf, type RoomBase, type RoomNumber, type StateSize } from '#store'

/** A state event with its stored PDU as JSON. */
export interface StateEntry {
  readonly event: RoomEvent
  readonly json: string
}

/** Loads one entry of the current state; `null`: there is none. */
export type LoadEntry = (type: string, stateKey: string) => Promise<StateEntry | null>

const HEAD_BYTES = 2_000
const ENTRY_OVERHEAD_BYTES = 100
/** An event but for its content. */
const EVENT_BYTES = 1_200

/**
 * A room in memory, from which its turns start: the forward extremities, and those entries of the current state that turns have asked for.
 * It is ahead of the database by the changes under way, so it stays in memory until they are committed, and is dropped if one fails.
 */
export class LiveRoom {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly version: RoomVersion
  sequence: number
  extremities: readonly Extremity[]
  /** Room versions 1 and 2: the JSON of extremities that may not be in the database yet. */
  newest: ReadonlyMap<EventId, string> = new Map()
  /** Settles with the last change given to the store; a turn that changes nothing resolves after it. */
  lastWrite: Promise<unknown> = Promise.resolve()
  /** `sizeBytes` as the cache last counted it. */
  countedBytes = HEAD_BYTES
  readonly #entries = new Map<string, StateEntry | null>()
  #entriesBytes = 0
  readonly #load: LoadEntry
  readonly #loadSize: () => Promise<StateSize>
  #stateSize: StateSize | undefined

  constructor(
    head: {
      readonly room: RoomNumber
      readonly roomId: RoomId
      readonly version: RoomVersion
      readonly sequence: number
      readonly extremities: readonly Extremity[]
      /** undefined: not counted yet. */
      readonly stateSize: StateSize | undefined
    },
    load: LoadEntry,
    loadSize: () => Promise<StateSize>,
  ) {
    this.room = head.room
    this.roomId = head.roomId
    this.version = head.version
    this.sequence = head.sequence
    this.extremities = head.extremities
    this.#load = load
    this.#loadSize = loadSize
    this.#stateSize = head.stateSize
  }

  /** Bytes in memory. */
  get sizeBytes(): number {
    let bytes = HEAD_BYTES + this.#entriesBytes
    for (const json of this.newest.values()) bytes += textBytes(json)
    return bytes
  }

  get base(): RoomBase {
    return { sequence: this.sequence, head: headOf(this.extremities) }
  }

  /** Counts the state of a room that an earlier version stored. To be called before the first turn that changes it. */
  async loadStateSize(): Promise<void> {
    this.#stateSize ??= await this.#loadSize()
  }

  get stateSize(): StateSize {
    if (this.#stateSize === undefined) throw new Error('the size of the state was not loaded')
    return this.#stateSize
  }

  set stateSize(size: StateSize) {
    this.#stateSize = size
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

  /** The entry of a `stateTupleKey`: null if the room has none, undefined if it is not in memory. */
  held(key: string): StateEntry | null | undefined {
    return this.#entries.get(key)
  }

  /** Sets the entry of a `stateTupleKey`; null: the room has none any more. */
  set(key: string, entry: StateEntry | null): void {
    this.#put(key, entry)
  }

  /** Says that the room has no such entry. */
  setNone(type: string, stateKey: string): void {
    this.#put(stateTupleKey(type, stateKey), null)
  }

  /** Forgets all entries. Only while no change is under way, as they are read from the database next. */
  forgetEntries(): void {
    this.#entries.clear()
    this.#entriesBytes = 0
  }

  #put(key: string, entry: StateEntry | null): void {
    const before = this.#entries.get(key)
    this.#entriesBytes += sizeOf(key, entry) - (before === undefined ? 0 : sizeOf(key, before))
    this.#entries.set(key, entry)
  }
}

const sizeOf = (key: string, entry: StateEntry | null): number =>
  ENTRY_OVERHEAD_BYTES +
  textBytes(key) +
  (entry === null ? 0 : EVENT_BYTES + textBytes(entry.json) + jsonBytes(entry.event.content))
