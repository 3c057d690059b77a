import type { Readable } from 'node:stream'

/** The name of bytes that never change: a hash, or a hash and a variant. Letters, digits, `-`, `_` and `.`; never user input. */
export type FileName = string

/** A file that nobody can read yet. It is kept or discarded, one of the two. */
export interface FileDraft {
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the file is durable. A file of that name that exists already stays: it has the same bytes. */
  keep(name: FileName): Promise<void>
  /** Never throws. */
  discard(): Promise<void>
}

export interface StoredFile {
  readonly name: FileName
  /** Time of the last write, by the clock of the place that holds it. */
  readonly writtenMs: number
}

/** The store of uploaded bytes: a local folder, or an object store elsewhere. */
export interface MediaFiles {
  draft(): Promise<FileDraft>
  /** Reads from `start` to `end`, both included. undefined: no such file. */
  open(name: FileName, range?: { readonly start: number; readonly end: number }): Promise<Readable | undefined>
  /** Gives libraries a path to the file, which must not be changed and may be gone afterwards. undefined: no such file. */
  withPath<Result>(name: FileName, use: (path: string) => Promise<Result>): Promise<Result | undefined>
  /** A file that is not there is no fault. */
  remove(name: FileName): Promise<void>
  /** All kept files, in no order; files that come or go meanwhile may be missing or not. */
  list(): AsyncIterable<StoredFile>
  /** Ends all connections and the transfers on them; unfinished files are not kept. The last call. */
  close(): void
}
