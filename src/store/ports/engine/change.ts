/**
 * A write, as plain data. Writers make changes; only `Commit` does them, all of one call in one transaction, synced to disk
 * before it answers. So nothing can be written outside a transaction, and a change can travel to the thread that writes.
 */
declare const output: unique symbol
export interface Change<Output> {
  readonly operation: string
  /** Survives structured cloning. */
  readonly input: unknown
  readonly [output]?: Output
}

export type Outputs<Changes extends readonly Change<unknown>[]> = {
  readonly [Index in keyof Changes]: Changes[Index] extends Change<infer Output> ? Output : never
}

/**
 * Does all changes or none, in their order, and answers when they are durable. Throws `WriteConflict` where a change says
 * that what it was computed from does not hold any more; any other throw means the database could not do it.
 */
export type Commit = <const Changes extends readonly Change<unknown>[]>(changes: Changes) => Promise<Outputs<Changes>>

/** Why a change could not be done although the database works: each writer documents its kinds. */
export class WriteConflict extends Error {
  override readonly name = 'WriteConflict'
  readonly kind: string

  constructor(kind: string, detail = kind) {
    super(detail)
    this.kind = kind
  }
}

/** The streams whose positions are kept in the database. `sessions` tells of access tokens that became void. */
export const DURABLE_STREAMS = ['events', 'receipts', 'accountData', 'toDevice', 'deviceLists', 'sessions'] as const
export type DurableStream = (typeof DURABLE_STREAMS)[number]

/** What a committed change tells those who wait: never sent before the commit. */
export interface Announcement {
  readonly stream: DurableStream
  readonly position: number
  /** Numbers of the rooms and users whom it concerns: all who are joined to such a room, and these users. */
  readonly rooms: readonly number[]
  readonly users: readonly number[]
}

/** How far some of the streams reach. */
export type StreamPositions = Readonly<Partial<Record<DurableStream, number>>>

/** One committed group: announcements in order of position, and the streams that it moved, from where to where. */
export interface Committed {
  readonly announcements: readonly Announcement[]
  /** A receiver whose own positions lie below these has missed the news of another process. */
  readonly before: StreamPositions
  readonly positions: StreamPositions
}
