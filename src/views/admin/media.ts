import type { JsonObject, RoomId, ServerName } from '#spec'
import {
  type CopyOverview,
  MEDIA_ORDERS,
  type MediaName,
  type MediaOrder,
  type MediaOverview,
  type MediaPageQuery,
  type MediaStandingReader,
  type RoomRecordsReader,
} from '#store'

export const MEDIA_LIST_ORDERS: readonly MediaOrder[] = MEDIA_ORDERS

export interface AdminMediaParts {
  readonly reader: MediaStandingReader
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly serverName: ServerName
  /** Finds the media that an event shows; the domain knows how. */
  readonly mediaIn: (type: string, json: string) => readonly MediaName[]
}

const EVENTS_AT_ONCE = 200
const MAX_TOLD = 100_000

/** Media as administrators are shown them. */
export class AdminMedia {
  readonly #parts: AdminMediaParts

  constructor(parts: AdminMediaParts) {
    this.#parts = parts
  }

  page(query: MediaPageQuery): Promise<{ readonly media: readonly MediaOverview[]; readonly total: number }> {
    return this.#parts.reader.page(query)
  }

  /** Returns what is known of one media, in the form of Synapse; undefined: nothing of it is here. */
  async info({ server, mediaId }: MediaName): Promise<JsonObject | undefined> {
    const { reader, serverName } = this.#parts
    if (server === serverName) {
      const own = await reader.overview(mediaId)
      return own === undefined
        ? undefined
        : { media_origin: server, url_cache: null, ...ownMediaJson(own), sha256: hex(own.sha256) }
    }
    const [copy] = await reader.copies({ server, mediaId })
    return copy === undefined ? undefined : copyJson(copy)
  }

  /** `mxc:` URIs of the media that a room's events show, each once; undefined: the room is not known. At most 100,000. */
  async ofRoom(
    roomId: RoomId,
  ): Promise<{ readonly local: readonly string[]; readonly remote: readonly string[] } | undefined> {
    const { reader, rooms, serverName, mediaIn } = this.#parts
    const room = (await rooms.roomByRoomId(roomId))?.room
    if (room === undefined) return undefined
    const [local, remote] = [new Set<string>(), new Set<string>()]
    let at = { depth: -1, event: Number.MIN_SAFE_INTEGER }
    for (;;) {
      const page = await reader.eventsWithMedia(room, at, EVENTS_AT_ONCE)
      for (const { type, json } of page)
        for (const { server, mediaId } of mediaIn(type, json))
          (server === serverName ? local : remote).add(`mxc://${server}/${mediaId}`)
      const last = page.at(-1)
      if (last === undefined || page.length < EVENTS_AT_ONCE || local.size + remote.size >= MAX_TOLD) break
      at = { depth: last.depth, event: last.event }
    }
    return { local: [...local], remote: [...remote] }
  }
}

const hex = (sha256: string): string => Buffer.from(sha256, 'base64url').toString('hex')

/** A media of this server in the form of Synapse's lists. */
export const ownMediaJson = (media: MediaOverview): JsonObject => ({
  media_id: media.mediaId,
  user_id: media.userId ?? null,
  created_ts: media.createdAtMs,
  last_access_ts: media.usedAtMs ?? null,
  media_length: media.sizeBytes,
  media_type: media.contentType,
  upload_name: media.fileName ?? null,
  quarantined_by: media.quarantinedBy ?? null,
  safe_from_quarantine: media.isProtected,
})

const copyJson = (copy: CopyOverview): JsonObject => ({
  media_origin: copy.server,
  media_id: copy.mediaId,
  user_id: null,
  url_cache: null,
  created_ts: null,
  last_access_ts: copy.usedAtMs,
  media_length: copy.sizeBytes,
  media_type: copy.contentType,
  upload_name: copy.fileName ?? null,
  quarantined_by: copy.quarantinedBy ?? null,
  safe_from_quarantine: null,
  sha256: hex(copy.sha256),
})
