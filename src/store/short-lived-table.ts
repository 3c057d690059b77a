import { hash } from 'node:crypto'
import type { Clock, Random, Sealer } from '#base'
import { MatrixError } from '#spec'
import type { Change, Commit } from './ports/engine/change.ts'
import type {
  ShortLivedKey,
  ShortLivedKind,
  ShortLivedReader,
  ShortLivedRow,
  ShortLivedWriter,
} from './ports/processes/short-lived.ts'

export interface ShortLivedLimits {
  readonly lifetimeMs: number
  /** Rows of one owner; beyond it those that expire first go. 100 by default. */
  readonly rowsOfOwner?: number
  /** Rows in all; beyond it those that expire first go. 20,000 by default, and a little more for a moment. */
  readonly rows?: number
}

export interface ShortLivedTablesParts {
  readonly reader: ShortLivedReader
  readonly writer: ShortLivedWriter
  readonly commit: Commit
  readonly sealer: Sealer
  readonly clock: Clock
  readonly random: Random
}

export interface PutOptions {
  /** Random by default. */
  readonly id?: string
  /** The user, device or account that the row counts for. */
  readonly owner?: string
  readonly lifetimeMs?: number
}

/** 256 bits. */
const ID_LENGTH = 43
const ROWS = 20_000
const ROWS_OF_OWNER = 100
const BODY_BYTES = 64 * 1024
/** Every so many puts of one process the rows of the kind are counted. */
const PUTS_BETWEEN_TRIMS = 64
const CHANGE_ATTEMPTS = 20

/** Makes the tables of what waits for somebody to come back with its id. */
export class ShortLivedTables {
  readonly #parts: ShortLivedTablesParts

  constructor(parts: ShortLivedTablesParts) {
    this.#parts = parts
  }

  /** `Value` must survive JSON. */
  table<Value extends {}>(kind: ShortLivedKind, limits: ShortLivedLimits): ShortLivedTable<Value> {
    return new ShortLivedTable({ ...this.#parts, kind, limits })
  }
}

interface ShortLivedTableParts extends ShortLivedTablesParts {
  readonly kind: ShortLivedKind
  readonly limits: ShortLivedLimits
}

/**
 * What waits for somebody to come back with its id, to whichever process, also after a restart. The database knows ids as hashes, and values
 * sealed: who reads a copy of it can use neither.
 */
export class ShortLivedTable<Value extends {}> {
  readonly #parts: ShortLivedTableParts
  #puts = 0

  constructor(parts: ShortLivedTableParts) {
    this.#parts = parts
  }

  /** Answers the id. A value that was there under the same id goes. Throws `M_TOO_LARGE`. */
  async put(value: Value, { id, owner = '', lifetimeMs }: PutOptions = {}): Promise<string> {
    const { commit, writer, random, limits, kind } = this.#parts
    const key = id ?? random.token(ID_LENGTH)
    const put = writer.put(this.#row(key, value, owner, lifetimeMs), limits.rowsOfOwner ?? ROWS_OF_OWNER)
    await commit(this.#isTrimDue() ? [put, writer.trim(kind, limits.rows ?? ROWS)] : [put])
    return key
  }

  /** Answers whether it was added: false where there is one of that id. Throws `M_TOO_LARGE`. */
  async add(value: Value, { id, owner = '', lifetimeMs }: PutOptions & { readonly id: string }): Promise<boolean> {
    const { commit, writer, clock } = this.#parts
    const [added] = await commit([writer.add(this.#row(id, value, owner, lifetimeMs), clock.nowMs())])
    return added
  }

  /** Adds a value that stands for the caller alone. Answers what takes it away again; undefined where there is one of that id. */
  async claim(this: ShortLivedTable<object>, id: string): Promise<(() => Promise<void>) | undefined> {
    const { commit, writer, clock } = this.#parts
    const row = this.#row(id, {}, '', undefined)
    const [added] = await commit([writer.add(row, clock.nowMs())])
    if (!added) return undefined
    return async () => {
      // Sealed twice, nothing is the same: this is no other claim that came after.
      await commit([writer.replace({ ...row, expiresAtMs: 0 }, row.body)])
    }
  }

  async find(id: string): Promise<Value | undefined> {
    const row = await this.#found(id)
    return row === undefined ? undefined : this.#valueOf(row)
  }

  /** Once: it is gone then. */
  async take(id: string): Promise<Value | undefined> {
    const [row] = await this.#parts.commit([this.taking(id)])
    return row === undefined ? undefined : this.#valueOf(row)
  }

  /** `take` as a change, in the commit of something else. */
  taking(id: string): Change<ShortLivedRow | undefined> {
    const { writer, clock } = this.#parts
    return writer.take(this.#keyOf(id), clock.nowMs())
  }

  /** Removes all of an owner, in the commit of something else. */
  removingOwned(owner: string): Change<void> {
    return this.#parts.writer.removeOwned(this.#parts.kind, owner)
  }

  /**
   * Puts another value in place of what is there; `change` is called again where somebody else was faster. The row expires when it would have.
   * Answers the new value; undefined where there is none (any more).
   */
  async change(
    id: string,
    change: (value: Value) => { readonly value: Value; readonly owner?: string },
  ): Promise<Value | undefined> {
    const { commit, writer } = this.#parts
    for (let left = CHANGE_ATTEMPTS; left > 0; left--) {
      const before = await this.#found(id)
      const known = before === undefined ? undefined : this.#valueOf(before)
      if (before === undefined || known === undefined) return undefined
      const { value, owner = before.owner } = change(known)
      const row = { ...this.#keyOf(id), owner, body: this.#sealed(id, value), expiresAtMs: before.expiresAtMs }
      const [done] = await commit([writer.replace(row, before.body)])
      if (done) return value
    }
    throw new Error(`a row of ${this.#parts.kind} was changed by others again and again`)
  }

  async #found(id: string): Promise<ShortLivedRow | undefined> {
    const { reader, clock } = this.#parts
    return reader.find(this.#keyOf(id), clock.nowMs())
  }

  #row(id: string, value: Value, owner: string, lifetimeMs: number | undefined): ShortLivedRow {
    const { clock, limits } = this.#parts
    const expiresAtMs = clock.nowMs() + (lifetimeMs ?? limits.lifetimeMs)
    return { ...this.#keyOf(id), owner, body: this.#sealed(id, value), expiresAtMs }
  }

  #sealed(id: string, value: Value): string {
    const text = JSON.stringify(value)
    if (Buffer.byteLength(text) > BODY_BYTES) {
      throw new MatrixError('M_TOO_LARGE', `More than ${BODY_BYTES} bytes cannot be kept until the next request`)
    }
    return this.#parts.sealer.seal(text, contextOf(this.#keyOf(id)))
  }

  /** undefined: sealed with another key. */
  #valueOf(row: ShortLivedRow): Value | undefined {
    const text = this.#parts.sealer.open(row.body, contextOf(row))
    return text === undefined ? undefined : (JSON.parse(text) as Value)
  }

  #keyOf(id: string): ShortLivedKey {
    return { kind: this.#parts.kind, key: hash('sha256', id, 'hex') }
  }

  #isTrimDue(): boolean {
    this.#puts++
    return this.#puts % PUTS_BETWEEN_TRIMS === 0
  }
}

const contextOf = ({ kind, key }: ShortLivedKey): string => `${kind} ${key}`
