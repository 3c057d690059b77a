import { hash } from 'node:crypto'
import type { Clock } from '#base'
import { MatrixError } from '#spec'
import type { ShortLivedTable } from '#store'

/** The most bytes that one of the two devices leaves for the other. */
export const MAX_DATA_BYTES = 4_096
/** Transactions of a session whose answers are remembered; an exchange takes about ten writes. */
const REMEMBERED = 20

/** A session as it is stored. */
export interface RendezvousRecord {
  readonly data: string
  /** Counts the writes. */
  readonly sequence: number
  /** Hash of the data of the write before the next: the same again is a repetition. */
  readonly dataHash: string
  readonly changedAtMs: number
  readonly expiresAtMs: number
  /** Transactions that were carried out, with the number of their write. */
  readonly transactions: readonly (readonly [id: string, sequence: number])[]
}

export interface RendezvousParts {
  readonly sessions: ShortLivedTable<RendezvousRecord>
  readonly clock: Clock
  readonly lifetimeMs: number
}

/** The data left for the other device, at one moment. */
export interface RendezvousState {
  readonly data: string
  /** Names this state: a write must name the newest. */
  readonly token: string
  readonly changedAtMs: number
  readonly expiresAtMs: number
}

/** Thrown for a write that did not know of the newest one. */
export class ConcurrentWrite extends Error {
  override readonly name = 'ConcurrentWrite'
}

/**
 * Where two devices of one person meet, one of which is not logged in yet: they leave sealed texts for each other here, until the new one can log in
 * (MSC4108, MSC4388). Whoever knows the id of a session may read and write it.
 */
export class Rendezvous {
  readonly #parts: RendezvousParts

  constructor(parts: RendezvousParts) {
    this.#parts = parts
  }

  /** Opens a session; `address`: its sessions are limited. Throws `M_TOO_LARGE`. */
  async open(data: string, address: string): Promise<RendezvousState & { readonly id: string }> {
    const { sessions, clock, lifetimeMs } = this.#parts
    checkSize(data)
    const nowMs = clock.nowMs()
    const expiresAtMs = nowMs + lifetimeMs
    const record = { data, sequence: 0, dataHash: hashOf(data), changedAtMs: nowMs, expiresAtMs, transactions: [] }
    const id = await sessions.put(record, { owner: address, lifetimeMs })
    return { id, ...stateOf(record) }
  }

  /** Throws `M_NOT_FOUND`. */
  async read(id: string): Promise<RendezvousState> {
    const record = await this.#parts.sessions.find(id)
    if (record === undefined) throw notFound()
    return stateOf(record)
  }

  /**
   * Leaves other data. A repetition, of the same transaction or of the write before, changes nothing and is answered as at first. Throws
   * `M_NOT_FOUND`, `M_TOO_LARGE`; `ConcurrentWrite` if `token` is not that of the newest state.
   */
  async write(id: string, token: string, data: string, transaction?: string): Promise<RendezvousState> {
    checkSize(data)
    const { sessions, clock } = this.#parts
    let answered: number | undefined
    const record = await sessions.change(id, (before) => {
      answered = before.transactions.find(([known]) => known === transaction)?.[1]
      const dataHash = hashOf(data)
      const isRepetition = token === String(before.sequence - 1) && dataHash === before.dataHash
      if (answered !== undefined || isRepetition) return { value: before }
      if (token !== String(before.sequence)) throw new ConcurrentWrite()
      const sequence = before.sequence + 1
      const done = transaction === undefined ? [] : [[transaction, sequence] as const]
      const transactions = [...before.transactions, ...done].slice(-REMEMBERED)
      return { value: { ...before, data, sequence, dataHash, changedAtMs: clock.nowMs(), transactions } }
    })
    if (record === undefined) throw notFound()
    return stateOf(answered === undefined ? record : { ...record, sequence: answered })
  }

  /** Throws `M_NOT_FOUND`. */
  async close(id: string): Promise<void> {
    if ((await this.#parts.sessions.take(id)) === undefined) throw notFound()
  }
}

const stateOf = ({ data, sequence, changedAtMs, expiresAtMs }: RendezvousRecord): RendezvousState => ({
  data,
  token: String(sequence),
  changedAtMs,
  expiresAtMs,
})

const hashOf = (data: string): string => hash('sha256', data, 'base64url')

const checkSize = (data: string): void => {
  if (Buffer.byteLength(data) > MAX_DATA_BYTES)
    throw new MatrixError('M_TOO_LARGE', `The data has more than ${MAX_DATA_BYTES} bytes`)
}

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such session, or it has ended')
