import type { UnavailableReason } from '../../ports/engine/faults.ts'
import type { Value } from '../../sql/engine/query.ts'
import type { FileOptions } from './file.ts'

/** The commits of one turn of the event loop, packed by `packCommits`; or the end. */
export type ToWriter = readonly unknown[] | 'close'

export interface WriterData {
  readonly file: FileOptions
  /** One number in shared memory, increased with each message: the writer sleeps until it changes. */
  readonly signal: Int32Array
}

/** A list is the answer for a group, packed by `packAnswer`. */
export type FromWriter =
  | readonly unknown[]
  | { readonly kind: 'ready' }
  | { readonly kind: 'too-new'; readonly unknown: readonly string[] }
  | { readonly kind: 'unavailable'; readonly reason: UnavailableReason; readonly detail: string }

export type ToReader =
  | { readonly id: number; readonly kind: 'rows'; readonly sql: string; readonly values: Value[] }
  | { readonly id: number; readonly kind: 'checkpoint' }

export interface ReaderData {
  readonly reading: FileOptions
  /** A connection that may write. */
  readonly checkpointing: FileOptions
}

export type FromReader =
  | { readonly id: number; readonly kind: 'rows'; readonly rows: readonly unknown[] }
  | { readonly id: number; readonly kind: 'unavailable'; readonly reason: UnavailableReason; readonly detail: string }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string }
