import { BoundedCache, type CacheStats, type Clock } from '#base'
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

  /** Throws `M_UNKNOWN_POS` where the checkpoint is gone. */
  async read({ pos, ...connection }: Connection & Pick<SlidingRequest, 'pos'>): Promise<Remembered> {
    if (pos === undefined || pos.memory === '') return { memory: new RoomMemory(Base.EMPTY), config: undefined }
    const [config = '', number = '', packed = ''] = pos.memory.split('~')
    if (!/^\d{1,16}~\d{1,16}~[\w-]*$/.test(pos.memory)) throw unknownPos('pos is not a position of this server')
    const { base } = await this.#base(connection, pos.run, Number(number))
    try {
      return { memory: RoomMemory.unpack(base, packed), config: Number(config) }
    } catch (error) {
      if (error instanceof NotPacked) throw unknownPos('pos is not a position of this server')
      throw error
    }
  }

  /** The memory's text for a position of that run. */
  async write(connection: Connection, { run }: Admitted, memory: RoomMemory, config: number): Promise<string> {
    const { base } = memory
    const packed = memory.packed()
    const writtenAtMs = this.#held.get(keyOf(connection, run, base.number))?.writtenAtMs ?? NEVER_WRITTEN
    const isOld = this.#parts.clock.nowMs() - writtenAtMs > REWRITTEN_AFTER_MS
    if (packed.length <= MAX_CARRIED && !isOld) return `${config}~${base.number}~${packed}`
    const number = base.number + 1
    await this.#store(connection, { run, number, packed: Base.pack(memory), writtenAtMs: this.#parts.clock.nowMs() })
    return `${config}~${number}~`
  }

  async #store(connection: Connection, checkpoint: Checkpoint): Promise<void> {
    await this.#parts.checkpoints.put(idOf(connection, checkpoint.number), checkpoint, connection.viewer.device)
    this.#hold(connection, checkpoint)
  }

  async #base(connection: Connection, run: number, number: number): Promise<Pick<Held, 'base'>> {
    if (number === 0) return { base: Base.EMPTY }
    const held = this.#held.get(keyOf(connection, run, number))
    if (held !== undefined) return held
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

const keyOf = ({ viewer, connectionId }: Connection, run: number, number: number): string =>
  `${viewer.device} ${run} ${number} ${connectionId}`

const idOf = ({ viewer, connectionId }: Connection, number: number): string =>
  `${viewer.device} ${number % 2} ${connectionId}`
