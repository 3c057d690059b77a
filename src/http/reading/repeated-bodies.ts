import { crc32 } from 'node:zlib'
import { BoundedCache, type CacheStats, jsonBytes } from '#base'
import type { JsonObject } from '#spec'

/** Longer bodies are no client's habit. */
const LONGEST_BYTES = 16 * 1024
const LIMIT_BYTES = 8 * 1024 * 1024
/** A handler may keep what it made of a body as long as the body lives, which takes about as much again. */
const WITH_WHAT_IS_MADE = 2
const MARKS = 4_096

/**
 * Bodies as they were read and checked, by their bytes. Polls repeat theirs word for word, many thousand clients the same one. A body is kept when it comes for the second time, so one
 * that differs each time costs no more than a look.
 */
export class RepeatedBodies {
  readonly #kept = new BoundedCache<string, JsonObject>({
    name: 'request-bodies',
    limitBytes: LIMIT_BYTES,
    sizeBytes: (body) => WITH_WHAT_IS_MADE * jsonBytes(body),
  })
  /** Checksums of bodies that came once, each in the place that it names. */
  readonly #cameOnce = new Uint32Array(MARKS)

  stats(): CacheStats {
    return this.#kept.stats()
  }

  /** The same object for all who send these bytes to the endpoint, frozen; undefined where they are to be read and checked. */
  of(endpoint: string, bytes: Buffer): JsonObject | undefined {
    return bytes.length > LONGEST_BYTES ? undefined : this.#kept.get(keyOf(endpoint, bytes))
  }

  /** To be called with what was read and found to fit. */
  keep(endpoint: string, bytes: Buffer, body: JsonObject): void {
    if (bytes.length > LONGEST_BYTES) return
    const mark = crc32(bytes)
    const place = mark % MARKS
    if (this.#cameOnce[place] === mark) this.#kept.set(keyOf(endpoint, bytes), frozen(body))
    else this.#cameOnce[place] = mark
  }
}

/** One character a byte, so that equal keys are equal bytes. */
const keyOf = (endpoint: string, bytes: Buffer): string => `${endpoint} ${bytes.toString('latin1')}`

/** With all that it holds. The depth of bodies is bounded. */
const frozen = <Value>(value: Value): Value => {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) frozen(member)
  return Object.freeze(value)
}
