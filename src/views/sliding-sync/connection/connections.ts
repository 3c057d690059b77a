import { BoundedCache, type CacheStats, type Clock } from '#base'
import { MatrixError } from '#spec'
import type { Position } from '../position.ts'
import type { Admitted, SlidingRequest } from '../request.ts'

export interface ConnectionsParts {
  readonly clock: Clock
  readonly limitBytes: number
}

interface Known {
  readonly run: number
  /** The newest generation that the client came back with: older ones are void. */
  requested: number
  /** Ends the wait of the request that is in flight. */
  hurry: (() => void) | undefined
}

const KNOWN_BYTES = 150

/**
 * Keeps the order of the requests of each connection: an outdated `pos` is refused, and a new request ends the wait of the one before. Nothing here is needed for the
 * next answer: where it is forgotten, an outdated `pos` is answered like a new one, rightly for whoever knows no more than it says.
 */
export class Connections {
  readonly #clock: Clock
  readonly #known: BoundedCache<string, Known>

  constructor({ clock, limitBytes }: ConnectionsParts) {
    this.#clock = clock
    this.#known = new BoundedCache({ name: 'sliding-connections', limitBytes, sizeBytes: () => KNOWN_BYTES })
  }

  stats(): CacheStats {
    return this.#known.stats()
  }

  /** Takes up a request. Throws `M_UNKNOWN_POS` for a position of another device, of an earlier run, or older than one that the client used since. */
  admit({ viewer, connectionId, pos }: Pick<SlidingRequest, 'viewer' | 'connectionId' | 'pos'>): Admitted {
    const key = keyOf(viewer, connectionId)
    const known = this.#known.get(key)
    if (pos === undefined) {
      known?.hurry?.()
      const run = Math.max(this.#clock.nowMs(), (known?.run ?? 0) + 1)
      this.#known.set(key, { run, requested: 0, hurry: undefined })
      return { run, generation: 1 }
    }
    if (pos.device !== viewer.device) throw unknownPos('pos is of another device')
    if (known !== undefined && isOutdated(pos, known)) throw unknownPos('pos was replaced by later ones')
    known?.hurry?.()
    if (known === undefined) this.#known.set(key, { run: pos.run, requested: pos.generation, hurry: undefined })
    else {
      known.requested = pos.generation
      known.hurry = undefined
    }
    return { run: pos.run, generation: pos.generation + 1 }
  }

  /** The request of the connection waits; `hurry` ends that. */
  waits({ viewer, connectionId }: Pick<SlidingRequest, 'viewer' | 'connectionId'>, hurry: () => void): void {
    const known = this.#known.get(keyOf(viewer, connectionId))
    if (known !== undefined) known.hurry = hurry
  }
}

export const unknownPos = (message: string): MatrixError => new MatrixError('M_UNKNOWN_POS', message)

const isOutdated = (pos: Position, { run, requested }: Known): boolean => pos.run !== run || pos.generation < requested

const keyOf = ({ device }: SlidingRequest['viewer'], connectionId: string): string => `${device} ${connectionId}`
