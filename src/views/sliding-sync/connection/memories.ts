import { BoundedCache, type CacheStats, type Clock, type Soon } from '#base'
import type { Admitted, SlidingRequest } from '../request.ts'
import { unknownPos } from './connections.ts'
import { NotPacked } from './packed.ts'
import { Base, RoomMemory } from './room-memory.ts'

export interface Checkpoint {
  readonly run: number
  readonly number: number
  readonly packed: string
  readonly writtenAtMs: number
}

/** Keeps checkpoints where all processes find them, also after a restart. Each replaces the one before of its id. */
export interface Checkpoints {
  find(id: string): Promise<Checkpoint | undefined>
  put(id: string, checkpoint: Checkpoint, device: number): Promise<void>
}

export interface MemoriesParts {
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  readonly limitBytes: number
}

interface Held {
  readonly run: number
  readonly base: Base
  readonly writtenAtMs: number
}

/** A connection's memory, with a hash of the lists and subscriptions that it was made for; undefined at the beginning. */
export interface Remembered {
  /** To be copied before it is changed: other connections may be told the same. */
  readonly memory: RoomMemory
  readonly config: number | undefined
}

type Connection = Pick<SlidingRequest, 'viewer' | 'connectionId'>

/** A position carries changes up to this length, and most connections never need more. Beyond it they become a checkpoint. */
const MAX_CARRIED = 1_600
/** Checkpoints are written again before they expire. */
const REWRITTEN_AFTER_MS = 7 * 24 * 3600 * 1000
const NEVER_WRITTEN = Number.MAX_SAFE_INTEGER

/**
 * Reads and makes the memory in positions: changes since a checkpoint, and the checkpoint's number. A position and the checkpoint that it names are all that an answer depends on, so
 * a restart loses nothing. The two newest checkpoints of a connection stand in turns in two places: an answer may be lost, and the position before it is asked for again.
 */
export class Memories {
  readonly #parts: MemoriesParts
  readonly #held: BoundedCache<string, Held>
  /** The memory that was read last, where it depends on no checkpoint: those who are woken by one message often know the same. */
  #newest: { readonly text: string; readonly remembered: Remembered } | undefined

  constructor(parts: MemoriesParts) {
    this.#parts = parts
    this.#held = new BoundedCache({
      name: 'sliding-memories',
      limitBytes: parts.limitBytes,
      sizeBytes: ({ base }) => base.sizeBytes,
    })
  }

  stats(): CacheStats {
    return this.#held.stats()
  }

  /** No promise where the checkpoint is at hand. Throws `M_UNKNOWN_POS` where it is gone, and for a text that is no memory. */
  read(request: Connection & Pick<SlidingRequest, 'pos'>): Soon<Remembered> {
    const { pos } = request
    if (pos === undefined || pos.memory === '') return { memory: new RoomMemory(Base.EMPTY), config: undefined }
    const { memory: text } = pos
    if (this.#newest?.text === text) return this.#newest.remembered
    if (!MEMORY.test(text)) throw unknownPos('pos is not a position of this server')
    const [config, number = '', packed = ''] = text.split('~')
    if (Number(number) === 0) {
      const remembered = unpacked(Base.EMPTY, packed, Number(config))
      this.#newest = { text, remembered }
      return remembered
    }
    const held = this.#base(request, pos.run, Number(number))
    if (held instanceof Promise) return held.then(({ base }) => unpacked(base, packed, Number(config)))
    return unpacked(held.base, packed, Number(config))
  }

  /** The memory's text for a position of that run. No promise where nothing is to be stored. */
  write(connection: Connection, { run }: Admitted, memory: RoomMemory, config: number): Soon<string> {
    const { number } = memory.base
    const packed = memory.packed()
    const isKept = packed.length <= MAX_CARRIED && (number === 0 || !this.#isOld(connection, run, number))
    return isKept ? `${config}~${number}~${packed}` : this.#writeAnew(connection, run, memory, config)
  }

  #isOld(connection: Connection, run: number, number: number): boolean {
    const writtenAtMs = this.#held.get(keyOf(connection, run, number))?.writtenAtMs ?? NEVER_WRITTEN
    return this.#parts.clock.nowMs() - writtenAtMs > REWRITTEN_AFTER_MS
  }

  async #writeAnew(connection: Connection, run: number, memory: RoomMemory, config: number): Promise<string> {
    const number = memory.base.number + 1
    await this.#store(connection, { run, number, packed: Base.pack(memory), writtenAtMs: this.#parts.clock.nowMs() })
    return `${config}~${number}~`
  }

  async #store(connection: Connection, checkpoint: Checkpoint): Promise<void> {
    await this.#parts.checkpoints.put(idOf(connection, checkpoint.number), checkpoint, connection.viewer.device)
    this.#hold(connection, checkpoint)
  }

  #base(connection: Connection, run: number, number: number): Soon<Held> {
    return this.#held.get(keyOf(connection, run, number)) ?? this.#stored(connection, run, number)
  }

  async #stored(connection: Connection, run: number, number: number): Promise<Held> {
    const found = await this.#parts.checkpoints.find(idOf(connection, number))
    if (found === undefined || found.run !== run || found.number !== number) throw unknownPos('the position expired')
    return this.#hold(connection, found)
  }

  #hold(connection: Connection, { run, number, packed, writtenAtMs }: Checkpoint): Held {
    const held = { run, base: Base.unpack(number, packed), writtenAtMs }
    this.#held.set(keyOf(connection, run, number), held)
    return held
  }
}

const MEMORY = /^\d{1,16}~\d{1,16}~[\w-]*$/

/** Throws `M_UNKNOWN_POS` for what is no packed memory. */
const unpacked = (base: Base, packed: string, config: number): Remembered => {
  try {
    return { memory: RoomMemory.unpack(base, packed), config }
  } catch (error) {
    if (error instanceof NotPacked) throw unknownPos('pos is not a position of this server')
    throw error
  }
}

const keyOf = ({ viewer, connectionId }: Connection, run: number, number: number): string =>
  `${viewer.device} ${run} ${number} ${connectionId}`

const idOf = ({ viewer, connectionId }: Connection, number: number): string =>
  `${viewer.device} ${number % 2} ${connectionId}`
