import type { ServerName } from '#spec'
import type { Change } from '../engine/change.ts'
import type { MediaContent, UnusedFile } from './media.ts'

/** A file of another server, or one of the thumbnails that it makes of the file. */
export interface RemoteMediaName {
  readonly server: ServerName
  readonly mediaId: string
  /** Empty: the file itself. */
  readonly variant: string
}

export interface RemoteMediaRecord {
  readonly content: MediaContent
  /** When somebody last asked for it, within a day. */
  readonly usedMs: number
}

/** Copies of media of other servers. */
export interface RemoteMediaReader {
  media(name: RemoteMediaName): Promise<RemoteMediaRecord | undefined>
  /** Copies last used before a time, the longest unused ones first. */
  usedBefore(beforeMs: number, limit: number): Promise<readonly (RemoteMediaName & { readonly sizeBytes: number })[]>
  /** Bytes of all copies; those of equal files are counted each time. */
  bytes(): Promise<number>
}

export interface RemoteMediaWriter {
  /** Adds a copy; one that is there already stays. */
  add(name: RemoteMediaName, content: MediaContent, atMs: number): Change<void>
  /** Says when the copy was used. */
  use(name: RemoteMediaName, atMs: number): Change<void>
  /** Returns the bytes that no media needs any more, with the variants of their thumbnails. */
  remove(name: RemoteMediaName): Change<UnusedFile | undefined>
}
