import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** What was uploaded. Many media may have the same bytes. */
export interface MediaContent {
  /** Names the bytes: base64url of their SHA-256. */
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
  /** undefined: announced, and not uploaded yet. */
  readonly content: MediaContent | undefined
  /** When an announced upload is forgotten. */
  readonly expiresAtMs: number | undefined
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
  /** Of some files those that a row names: hashes, and for thumbnails `hash.variant`. */
  named(files: readonly string[]): Promise<ReadonlySet<string>>
  /** The sum of the sizes of all that the user uploaded. */
  bytesOf(user: UserNumber): Promise<number>
}

export interface NewMedia {
  readonly mediaId: string
  readonly user: UserNumber
  readonly atMs: number
  readonly content: MediaContent
  /** The most that the user may have in all, this one included. */
  readonly quotaBytes: number | undefined
}

export interface AnnouncedMedia {
  readonly mediaId: string
  readonly user: UserNumber
  readonly atMs: number
  readonly expiresAtMs: number
  /** How many the user may have announced and not uploaded. */
  readonly limit: number
}

export interface MediaWriter {
  /** Conflict: `media-quota`. */
  add(media: NewMedia): Change<void>
  /** Conflict: `media-pending`, where the user has announced as many as may be. What expired is removed. */
  announce(media: AnnouncedMedia): Change<void>
  /**
   * The content of an announced media; `atMs` is when its upload began. Conflicts: `media-unknown` (never announced, or
   * expired), `media-foreign` (announced by another), `media-uploaded`, `media-quota`.
   */
  fill(media: NewMedia): Change<void>
  /** Forgets announced uploads that expired by then and did not come. */
  dropExpired(atMs: number): Change<void>
  /** Conflict: `media-unknown`, where no media has those bytes any more. One that is there already stays. */
  addThumbnail(sha256: string, thumbnail: ThumbnailRecord): Change<void>
  /** Answers the bytes that nobody needs any more, with the variants of their thumbnails. */
  remove(mediaId: string): Change<UnusedFile | undefined>
}

export interface UnusedFile {
  readonly sha256: string
  readonly variants: readonly string[]
}
