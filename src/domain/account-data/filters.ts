import { createHash } from 'node:crypto'
import { BoundedCache, type CacheStats, textBytes } from '#base'
import { asFilter, type CompiledFilter, canonicalJson, compileFilter, parseFilter } from '#rules'
import { type JsonObject, MAX_FILTER_BYTES, MatrixError } from '#spec'
import type { Commit, FiltersReader, FiltersWriter, UserNumber } from '#store'

/** Filters kept for each user. A client needs few, and those that upload a new one at each start must not fill the database. */
const KEPT_FILTERS = 1_000
const CACHE_BYTES = 16 * 1024 * 1024
const FILTER_ID = /^[1-9]\d{0,14}$/

export interface FiltersParts {
  readonly reader: FiltersReader
  readonly writer: FiltersWriter
  readonly commit: Commit
}

/** Filters that users have stored (client-server API, "Filtering"). */
export class Filters {
  readonly #reader: FiltersReader
  readonly #writer: FiltersWriter
  readonly #commit: Commit
  /** By their texts, as the users of a kind of client have one in common: what is made by one filter can be shared. */
  readonly #compiled = new BoundedCache<string, CompiledFilter>({
    name: 'filters',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ heapBytes }) => heapBytes,
  })
  /** By user and id. Stored filters never change, so entries are never outdated. */
  readonly #texts = new BoundedCache<string, string>({
    name: 'filter-texts',
    limitBytes: CACHE_BYTES,
    sizeBytes: textBytes,
  })

  constructor({ reader, writer, commit }: FiltersParts) {
    this.#reader = reader
    this.#writer = writer
    this.#commit = commit
  }

  /** Answers the filter's id; equal filters have one id. Throws `M_BAD_JSON`, `M_TOO_LARGE`. */
  async add(user: UserNumber, filter: JsonObject): Promise<string> {
    if (asFilter(filter) === undefined) throw new MatrixError('M_BAD_JSON', 'Not a filter')
    const filterJson = JSON.stringify(filter)
    if (filterJson.length > MAX_FILTER_BYTES) throw new MatrixError('M_TOO_LARGE', 'The filter is too large')
    const canonical = canonicalJson(filter, { strict: false })
    const digest = createHash('sha256')
      .update(canonical.ok ? canonical.value : filterJson)
      .digest('base64url')
    const [filterId] = await this.#commit([this.#writer.add({ user, filterJson, digest, keep: KEPT_FILTERS })])
    return `${filterId}`
  }

  /** The filter as it was uploaded, as JSON text. Throws `M_NOT_FOUND`. */
  async get(user: UserNumber, filterId: string): Promise<string> {
    const filterJson = await this.#stored(user, filterId)
    if (filterJson === undefined) throw new MatrixError('M_NOT_FOUND', 'No such filter')
    return filterJson
  }

  /**
   * The `filter` parameter of `/sync`: a filter as JSON, or the id of a stored one. Throws `M_BAD_JSON` for JSON that is no
   * filter, `M_INVALID_PARAM` for an unknown id.
   */
  async resolve(user: UserNumber, filter: string): Promise<CompiledFilter> {
    const inline = filter.startsWith('{')
    const text = inline ? filter : await this.#text(user, filter)
    const known = this.#compiled.get(text)
    if (known !== undefined) return known
    const parsed = parseFilter(text)
    if (parsed === undefined) {
      throw inline
        ? new MatrixError('M_BAD_JSON', 'The filter is not one')
        : new MatrixError('M_INVALID_PARAM', 'No such filter')
    }
    const compiled = compileFilter(parsed)
    this.#compiled.set(text, compiled)
    return compiled
  }

  get caches(): readonly [{ stats(): CacheStats }, { stats(): CacheStats }] {
    return [this.#compiled, this.#texts]
  }

  /** Of a stored filter; empty where there is none. */
  async #text(user: UserNumber, filterId: string): Promise<string> {
    const key = `${user}/${filterId}`
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    const text = await this.#stored(user, filterId)
    if (text !== undefined) this.#texts.set(key, text)
    return text ?? ''
  }

  async #stored(user: UserNumber, filterId: string): Promise<string | undefined> {
    return FILTER_ID.test(filterId) ? this.#reader.filter(user, Number(filterId)) : undefined
  }
}
