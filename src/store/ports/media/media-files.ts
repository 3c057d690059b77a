import type { Readable } from 'node:stream'

/** Names bytes for ever: a hash, or a hash with what was made of it. Letters, digits, `-`, `_` and `.`; never user input. */
export type FileName = string

/** A file that nobody can read yet. It is kept or discarded, one of the two. */
export interface FileDraft {
  write(bytes: Uint8Array): Promise<void>
  /** Durable when it answers. A file that is there already stays: it has the same bytes. */
  keep(name: FileName): Promise<void>
  /** Never throws. */
  discard(): Promise<void>
}

export interface StoredFile {
  readonly name: FileName
  /** When it was written last, by the clock of where it is. */
  readonly writtenMs: number
}

/** Where uploaded bytes are: a local folder, or a store of objects elsewhere. */
export interface MediaFiles {
  draft(): Promise<FileDraft>
  /** From `start` to `end`, both included; undefined where there is no such file. */
  open(name: FileName, range?: { readonly start: number; readonly end: number }): Promise<Readable | undefined>
  /** For libraries that want a path; the file must not be changed, and may be gone afterwards. undefined: no such file. */
  withPath<Result>(name: FileName, use: (path: string) => Promise<Result>): Promise<Result | undefined>
  /** A file that is not there is no fault. */
  remove(name: FileName): Promise<void>
  /** All that were kept, in no order; of those that come and go meanwhile some or none. */
  list(): AsyncIterable<StoredFile>
  /** Ends its connections, with what goes on over them: nothing of that is kept. Nothing is asked of it after that. */
  close(): void
}
