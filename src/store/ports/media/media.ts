import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** The uploaded bytes of a media. Many media may share them. */
export interface MediaContent {
  /** Name of the bytes: base64url of their SHA-256. */
  readonly sha256: string
  readonly sizeBytes: number
  readonly contentType: string
  readonly fileName: string | undefined
}

export interface MediaRecord {
  readonly mediaId: string
  /** 0, which is nobody's number: the server itself, for pictures of URL previews. */
  readonly user: UserNumber
  readonly createdAtMs: number
  /** undefined: announced and not uploaded yet. */
  readonly content: MediaContent | undefined
  /** Time at which an announced upload is forgotten. */
  readonly expiresAtMs: number | undefined
  /** When somebody last asked for it, within a day; undefined: nobody did. */
  readonly usedAtMs: number | undefined
}

export interface ThumbnailRecord {
  readonly variant: string
  readonly contentType: string
  readonly sizeBytes: number
}

export interface MediaReader {
  media(mediaId: string): Promise<MediaRecord | undefined>
  /** Whether any media has these bytes. */
  hasFile(sha256: string): Promise<boolean>
  thumbnail(sha256: string, variant: string): Promise<ThumbnailRecord | undefined>
  /** The files, among these, that a row names: hashes, and for thumbnails `hash.variant`. */
  named(files: readonly string[]): Promise<ReadonlySet<string>>
  /** Bytes that the user uploaded, in all. */
  bytesOf(user: UserNumber): Promise<number>
}

export interface NewMedia {
  readonly mediaId: string
  readonly user: UserNumber
  readonly atMs: number
  readonly content: MediaContent
  /** Bytes that the user may have in all, this media included. */
  readonly quotaBytes: number | undefined
}

export interface AnnouncedMedia {
  readonly mediaId: string
  readonly user: UserNumber
  readonly atMs: number
  readonly expiresAtMs: number
  /** Announced uploads that a user may have open. */
  readonly limit: number
}

export interface MediaWriter {
  /** Conflict: `media-quota`. */
  add(media: NewMedia): Change<void>
  /** Removes announcements that expired. Conflict: `media-pending` (the user has `limit` open announcements). */
  announce(media: AnnouncedMedia): Change<void>
  /**
   * Adds the content of an announced media; `atMs` is when its upload began. Conflicts: `media-unknown` (never announced, or
   * expired), `media-foreign` (announced by another), `media-uploaded`, `media-quota`.
   */
  fill(media: NewMedia): Change<void>
  /** Removes announced uploads that expired by that time and were not uploaded. */
  dropExpired(atMs: number): Change<void>
  /** Says when the media was used. */
  use(mediaId: string, atMs: number): Change<void>
  /** Adds a thumbnail; one that exists already stays. Conflict: `media-unknown` (no media has those bytes any more). */
  addThumbnail(sha256: string, thumbnail: ThumbnailRecord): Change<void>
  /** Returns the bytes that no media needs any more, with the variants of their thumbnails. */
  remove(mediaId: string): Change<UnusedFile | undefined>
}

export interface UnusedFile {
  readonly sha256: string
  readonly variants: readonly string[]
}
