import { hash } from 'node:crypto'
import { type Clock, Contended, type Random, type Sealer } from '#base'
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
  /** Rows that one owner may have; beyond it those that expire first are removed. 100 by default. */
  readonly rowsOfOwner?: number
  /** Rows in all; beyond it those that expire first are removed. 20,000 by default, exceeded for moments. */
  readonly rows?: number
  /** Bytes of a value without an owner, which strangers can store; 64 KiB by default, as for all others. */
  readonly bytesOfNobody?: number
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
  /** The user, device or account whose limit the row counts against. */
  readonly owner?: string
  readonly lifetimeMs?: number
}

export interface OwnedValue<Value> {
  readonly name: string
  readonly value: Value
  readonly expiresAtMs: number
}

/** 256 bits. */
const ID_LENGTH = 43
const ROWS = 20_000
const ROWS_OF_OWNER = 100
const BODY_BYTES = 64 * 1024
/** Puts of one process between two trims of the kind. */
const PUTS_BETWEEN_TRIMS = 64
const CHANGE_ATTEMPTS = 20

/** Makes a `ShortLivedTable` for each kind. */
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
 * Values that wait for a request that names their id, at any process, also after a restart. The database has ids as hashes and values
 * sealed, so a copy of it gives nobody a usable id or value.
 */
export class ShortLivedTable<Value extends {}> {
  readonly #parts: ShortLivedTableParts
  #puts = 0

  constructor(parts: ShortLivedTableParts) {
    this.#parts = parts
  }

  /** Stores a value in place of any other of that id. Returns the id. Throws `M_TOO_LARGE`. */
  async put(value: Value, { id, owner = '', lifetimeMs }: PutOptions = {}): Promise<string> {
    const { commit, writer, random, limits, kind } = this.#parts
    const key = id ?? random.token(ID_LENGTH)
    const put = writer.put(this.#row(key, value, owner, lifetimeMs), limits.rowsOfOwner ?? ROWS_OF_OWNER)
    await commit(this.#isTrimDue() ? [put, writer.trim(kind, limits.rows ?? ROWS)] : [put])
    return key
  }

  /** Returns whether the value was added; false: one of that id exists. Throws `M_TOO_LARGE`. */
  async add(value: Value, { id, owner = '', lifetimeMs }: PutOptions & { readonly id: string }): Promise<boolean> {
    const { commit, writer, clock } = this.#parts
    const [added] = await commit([writer.add(this.#row(id, value, owner, lifetimeMs), clock.nowMs())])
    return added
  }

  /** Adds a row that stands for the caller alone. Returns the function that removes it; undefined: a row of that id exists. */
  async claim(this: ShortLivedTable<object>, id: string, owner: string): Promise<(() => Promise<void>) | undefined> {
    const { commit, writer, clock } = this.#parts
    const row = this.#row(id, {}, owner, undefined)
    const [added] = await commit([writer.add(row, clock.nowMs())])
    if (!added && !(await this.#takeOver(id, row))) return undefined
    return async () => {
      // Sealing the same value twice gives different texts, so this never removes a later claim.
      await commit([writer.replace({ ...row, expiresAtMs: 0 }, row.body)])
    }
  }

  async find(id: string): Promise<Value | undefined> {
    const row = await this.#found(id)
    return row === undefined ? undefined : this.#valueOf(row)
  }

  /** All values of an owner that have not expired, each with the name by which `takeOwned` removes it. Those that last longest first. */
  async owned(owner: string): Promise<readonly OwnedValue<Value>[]> {
    const { reader, clock, limits, kind } = this.#parts
    const limit = limits.rowsOfOwner ?? ROWS_OF_OWNER
    const rows = await reader.owned(kind, owner, { nowMs: clock.nowMs(), limit })
    return rows.flatMap((row) => {
      const value = this.#valueOf(row)
      return value === undefined ? [] : [{ name: row.key, value, expiresAtMs: row.expiresAtMs }]
    })
  }

  /** Removes a value that `owned` named. Returns whether there was one of that owner. */
  async takeOwned(owner: string, name: string): Promise<boolean> {
    const { commit, writer, clock, kind } = this.#parts
    if (!(await this.owned(owner)).some((one) => one.name === name)) return false
    const [taken] = await commit([writer.take({ kind, key: name }, clock.nowMs())])
    return taken !== undefined
  }

  /** The name of the value of an id. It tells nothing of the id. */
  nameOf(id: string): string {
    return this.#keyOf(id).key
  }

  /** Removes and returns the value. */
  async take(id: string): Promise<Value | undefined> {
    const [row] = await this.#parts.commit([this.taking(id)])
    return row === undefined ? undefined : this.#valueOf(row)
  }

  /** `take` as a change, for the commit of something else. */
  taking(id: string): Change<ShortLivedRow | undefined> {
    const { writer, clock } = this.#parts
    return writer.take(this.#keyOf(id), clock.nowMs())
  }

  /** Removes all rows of an owner, as a change for the commit of something else. */
  removingOwned(owner: string): Change<void> {
    return this.#parts.writer.removeOwned(this.#parts.kind, owner)
  }

  /**
   * Replaces a value and keeps its expiry, unless `lifetimeMs` gives it a new one from now; `change` is called again if somebody else changed
   * the row meanwhile. Returns the new value; undefined: no such row (any more).
   */
  async change(
    id: string,
    change: (value: Value) => { readonly value: Value; readonly owner?: string; readonly lifetimeMs?: number },
  ): Promise<Value | undefined> {
    const { commit, writer, clock } = this.#parts
    for (let left = CHANGE_ATTEMPTS; left > 0; left--) {
      const before = await this.#found(id)
      const known = before === undefined ? undefined : this.#valueOf(before)
      if (before === undefined || known === undefined) return undefined
      const { value, owner = before.owner, lifetimeMs } = change(known)
      const expiresAtMs = lifetimeMs === undefined ? before.expiresAtMs : clock.nowMs() + lifetimeMs
      const row = { ...this.#keyOf(id), owner, body: this.#sealed(id, value, owner), expiresAtMs }
      const [done] = await commit([writer.replace(row, before.body)])
      if (done) return value
    }
    throw new Contended(`a row of ${this.#parts.kind} was changed by others again and again`)
  }

  /** A row of the same owner is a claim whose answer was lost, or whose process was killed. */
  async #takeOver(id: string, row: ShortLivedRow): Promise<boolean> {
    const { commit, writer } = this.#parts
    const before = await this.#found(id)
    if (before === undefined || before.owner !== row.owner) return false
    const [done] = await commit([writer.replace(row, before.body)])
    return done
  }

  async #found(id: string): Promise<ShortLivedRow | undefined> {
    const { reader, clock } = this.#parts
    return reader.find(this.#keyOf(id), clock.nowMs())
  }

  #row(id: string, value: Value, owner: string, lifetimeMs: number | undefined): ShortLivedRow {
    const { clock, limits } = this.#parts
    const expiresAtMs = clock.nowMs() + (lifetimeMs ?? limits.lifetimeMs)
    return { ...this.#keyOf(id), owner, body: this.#sealed(id, value, owner), expiresAtMs }
  }

  #sealed(id: string, value: Value, owner: string): string {
    const text = JSON.stringify(value)
    const most = owner === '' ? (this.#parts.limits.bytesOfNobody ?? BODY_BYTES) : BODY_BYTES
    if (Buffer.byteLength(text) > most) {
      throw new MatrixError('M_TOO_LARGE', `More than ${most} bytes cannot be kept until the next request`)
    }
    return this.#parts.sealer.seal(text, contextOf(this.#keyOf(id)))
  }

  /** undefined: the row was sealed with another key. */
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
