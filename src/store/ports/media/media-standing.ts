import type { ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

export interface MediaName {
  readonly server: ServerName
  readonly mediaId: string
}

/** A media of this server as administrators are shown it. */
export interface MediaOverview {
  readonly mediaId: string
  /** undefined: the server itself, for pictures of previews. */
  readonly userId: UserId | undefined
  readonly createdAtMs: number
  /** Within a day; undefined: nobody asked for it. */
  readonly usedAtMs: number | undefined
  readonly sizeBytes: number
  readonly contentType: string
  readonly fileName: string | undefined
  readonly sha256: string
  readonly quarantinedBy: string | undefined
  readonly isProtected: boolean
}

/** A copy of a media of another server. */
export interface CopyOverview extends MediaName {
  readonly usedAtMs: number
  readonly sizeBytes: number
  readonly contentType: string
  readonly fileName: string | undefined
  readonly sha256: string
  readonly quarantinedBy: string | undefined
}

export const MEDIA_ORDERS = [
  'media_id',
  'upload_name',
  'created_ts',
  'last_access_ts',
  'media_length',
  'media_type',
  'quarantined_by',
  'safe_from_quarantine',
] as const
export type MediaOrder = (typeof MEDIA_ORDERS)[number]

export interface MediaPageQuery {
  /** undefined: of everybody. */
  readonly user?: UserNumber | undefined
  readonly order: MediaOrder
  readonly direction: 'ascending' | 'descending'
  readonly offset: number
  readonly limit: number
}

export interface OldMediaQuery {
  readonly beforeMs: number
  readonly largerThan: number
  /** Only media with a later id. */
  readonly after: string
  readonly limit: number
}

export interface MediaStandingReader {
  /** The administrator who put the media, or another one of these bytes, into quarantine. `sha256`: undefined where the bytes are not known. */
  quarantinedBy(name: MediaName, sha256: string | undefined): Promise<string | undefined>
  /** Runs off the event loop. */
  page(query: MediaPageQuery): Promise<{ readonly media: readonly MediaOverview[]; readonly total: number }>
  overview(mediaId: string): Promise<MediaOverview | undefined>
  /** The copies of a media: the file and its thumbnails. */
  copies(name: MediaName): Promise<readonly CopyOverview[]>
  /** Media last used before a time, or made before it and never used, by id. */
  old(query: OldMediaQuery): Promise<readonly string[]>
  /** Media of a user, by id. */
  ofUser(user: UserNumber, after: string, limit: number): Promise<readonly string[]>
  /** `mxc:` URIs of the avatars of users and rooms. Runs off the event loop. */
  avatars(): Promise<ReadonlySet<string>>
  /** The JSON of the next events of a room's history that name a media. */
  eventsWithMedia(
    room: RoomNumber,
    after: { readonly depth: number; readonly event: number },
    limit: number,
  ): Promise<
    readonly { readonly depth: number; readonly event: number; readonly type: string; readonly json: string }[]
  >
}

export interface MediaStandingWriter {
  /** Returns how many were not in quarantine before. Protected media, and media that `own` does not have, are left. */
  quarantine(input: {
    readonly names: readonly MediaName[]
    readonly own: ServerName
    readonly by: UserId | 'operator'
    readonly atMs: number
  }): Change<number>
  unquarantine(name: MediaName): Change<void>
  /** Conflict: `media-unknown`. */
  protect(mediaId: string, isProtected: boolean): Change<void>
}
