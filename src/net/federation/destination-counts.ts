import type { ServerName } from '#spec'

/** How requests to one server went since this process started. */
export interface DestinationCounts {
  requests: number
  /** Those that nobody answered, and answers that are none. A refusal is an answer. */
  failures: number
  /** Time of the last answer, in milliseconds of Unix; 0: none yet. */
  lastSuccessMs: number
}

/** More would be a burden for who reads them; the servers that were asked longest ago go. */
const MAX_DESTINATIONS = 5_000

/** Counts of requests by destination, for the metrics. */
export class DestinationsCounted {
  readonly #counts = new Map<ServerName, DestinationCounts>()

  count(destination: ServerName, answeredMs: number | undefined): void {
    const counts = this.#counts.get(destination) ?? { requests: 0, failures: 0, lastSuccessMs: 0 }
    counts.requests++
    if (answeredMs === undefined) counts.failures++
    else counts.lastSuccessMs = answeredMs
    // Put at the end: the first is the one asked longest ago.
    this.#counts.delete(destination)
    this.#counts.set(destination, counts)
    const [oldest] = this.#counts.size > MAX_DESTINATIONS ? this.#counts.keys() : []
    if (oldest !== undefined) this.#counts.delete(oldest)
  }

  *read(which: keyof DestinationCounts): Iterable<readonly [ServerName, number]> {
    for (const [destination, counts] of this.#counts) yield [destination, counts[which]]
  }
}
