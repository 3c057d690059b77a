import type { Clock } from '#base'
import type { ServerName } from '#spec'

/** Told which servers are away. */
export interface HearsOfAbsences {
  /** A server took nothing: what is told to it from now on is lost. May be said more than once. */
  failing?(server: ServerName): void
  /** A server has all events that it missed. May be said of one that was not away. */
  back?(server: ServerName): void
}

export interface AwayServersParts {
  readonly clock: Clock
  /** The newest position of the stream. */
  readonly position: () => number
}

/** News on its way to a server is lost when that fails, and was taken from the stream up to so long before. */
const ON_THE_WAY_MS = 150_000
const NOTED_EVERY_MS = 10_000

/** Remembers for servers that take nothing what they have of a stream. A restart forgets it: then the stream counts from there. */
export class AwayServers {
  readonly #parts: AwayServersParts
  readonly #since = new Map<ServerName, number>()
  /** Positions of the last minutes with their times, oldest first. */
  readonly #notes: { readonly atMs: number; readonly position: number }[] = []

  constructor(parts: AwayServersParts) {
    this.#parts = parts
  }

  /** To be called whenever the stream moves, before anybody is told, and once at the start. */
  note(): void {
    const { clock, position } = this.#parts
    const atMs = clock.monotonicMs()
    const last = this.#notes.at(-1)
    if (last !== undefined && atMs - last.atMs < NOTED_EVERY_MS) return
    this.#notes.push({ atMs, position: position() })
    // One that is older than all that may be on the way is enough.
    while ((this.#notes[1]?.atMs ?? atMs) < atMs - ON_THE_WAY_MS) this.#notes.shift()
  }

  failing(server: ServerName): void {
    if (!this.#since.has(server)) this.#since.set(server, this.#notes[0]?.position ?? this.#parts.position())
  }

  /** The position after which a server that takes something again lacks what there was; undefined: it was not away. */
  back(server: ServerName): number | undefined {
    const since = this.#since.get(server)
    this.#since.delete(server)
    return since
  }

  clear(): void {
    this.#since.clear()
    this.#notes.length = 0
  }
}
