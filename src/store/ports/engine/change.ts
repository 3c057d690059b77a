import type { Unavailable } from '#base'

/**
 * A write, as plain data. Writers make changes; only `Commit` carries them out, all of one call in one transaction, synced to disk
 * before it returns. So nothing can be written outside a transaction, and a change can be sent to the thread that writes.
 */
declare const output: unique symbol
export interface Change<Output> {
  readonly operation: string
  /** Must survive structured cloning. */
  readonly input: unknown
  readonly [output]?: Output
}

export type Outputs<Changes extends readonly Change<unknown>[]> = {
  readonly [Index in keyof Changes]: Changes[Index] extends Change<infer Output> ? Output : never
}

/**
 * Carries out all changes or none, in order, and resolves when they are durable. Throws `WriteConflict` if what a change was
 * computed from no longer holds; any other error means that the database could not do it.
 */
export type Commit = <const Changes extends readonly Change<unknown>[]>(changes: Changes) => Promise<Outputs<Changes>>

/**
 * A change that does not fit what is stored. Each writer documents its kinds, and callers turn each kind into an answer or try again. One that
 * nobody expected is not the client's fault and may pass: by `retryAfterMs` it is answered 503, never 500.
 */
export class WriteConflict extends Error implements Unavailable {
  override readonly name = 'WriteConflict'
  readonly retryAfterMs = 1_000
  readonly kind: string

  constructor(kind: string, detail = kind) {
    super(detail)
    this.kind = kind
  }
}

/** The streams whose positions are kept in the database. `sessions` tells of access tokens that became void, `federationEdus` of EDUs for other servers. */
export const DURABLE_STREAMS = [
  'events',
  'receipts',
  'accountData',
  'toDevice',
  'deviceLists',
  'threadSubscriptions',
  'stickyEvents',
  'profiles',
  'federationEdus',
  'sessions',
] as const
export type DurableStream = (typeof DURABLE_STREAMS)[number]

/** News of a committed change for waiting requests and caches; never sent before the commit. */
export interface Announcement {
  readonly stream: DurableStream
  readonly position: number
  /** Numbers of the rooms and users concerned: everybody who is joined to such a room, and these users. */
  readonly rooms: readonly number[]
  readonly users: readonly number[]
  /** A user: it concerns everybody who shares a room with them as well. So no commit reads the rooms of somebody who is in thousands. */
  readonly around?: number
}

/** The newest position of some of the streams. */
export type StreamPositions = Readonly<Partial<Record<DurableStream, number>>>

/** One committed group: announcements in order of position, and the positions before and after of the streams that it moved. */
export interface Committed {
  readonly announcements: readonly Announcement[]
  /** A receiver whose own positions lie below these has missed the news of another process. */
  readonly before: StreamPositions
  readonly positions: StreamPositions
}
