import {
  isJsonObject,
  type JsonObject,
  parseServerName,
  type RoomId,
  type ServerName,
  stringAt,
  type UserId,
} from '#spec'
import type {
  Commit,
  MediaName,
  MediaStandingReader,
  MediaStandingWriter,
  RemoteMediaReader,
  RoomRecordsReader,
  UserNumber,
} from '#store'
import type { JobKind, RunningJob } from '../../jobs/index.ts'
import type { StoredBytes } from '../../media/index.ts'

export interface MediaWorkParts {
  readonly reader: MediaStandingReader
  readonly writer: MediaStandingWriter
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly copies: Pick<RemoteMediaReader, 'usedBefore'>
  readonly bytes: Pick<StoredBytes, 'remove' | 'removeCopy'>
  readonly commit: Commit
  readonly serverName: ServerName
  readonly nowMs: () => number
}

const AT_ONCE = 100
/** Media that are named in an outcome; the others go as well. */
const MAX_NAMED = 10_000
const MEMBERS_WITH_MEDIA = ['url', 'thumbnail_url'] as const

/** The media that an event shows by itself. Those of a member are their own, and no part of what was said. */
export const mediaIn = (type: string, json: string): readonly MediaName[] => {
  const event: unknown = JSON.parse(json)
  const content = isJsonObject(event) ? event.content : undefined
  if (type === 'm.room.member' || !isJsonObject(content)) return []
  const places = [
    content,
    content.info,
    content.file,
    isJsonObject(content.info) ? content.info.thumbnail_file : undefined,
  ]
  const uris = places.filter(isJsonObject).flatMap((place) => MEMBERS_WITH_MEDIA.map((name) => stringAt(place, name)))
  return uris.flatMap((uri) => nameIn(uri ?? '') ?? [])
}

/** undefined for what is no `mxc:` URI. */
export const nameIn = (uri: string): MediaName | undefined => {
  const [, authority = '', mediaId = ''] = /^mxc:\/\/([^/]{1,255})\/([A-Za-z0-9_-]{1,255})$/.exec(uri) ?? []
  const server = parseServerName(authority)
  return server === undefined ? undefined : { server, mediaId }
}

export interface QuarantineWish extends JsonObject {
  /** One of the two is null. */
  readonly room_id: RoomId | null
  readonly user: UserNumber | null
  readonly by: UserId | 'operator'
}

const numberIn = (progress: JsonObject, name: string, otherwise: number): number => {
  const value = progress[name]
  return typeof value === 'number' ? value : otherwise
}

/** Puts all media into quarantine that a room shows, or that a user of this server uploaded. */
export class QuarantineMany implements JobKind<QuarantineWish> {
  readonly name = 'media.quarantine'
  readonly #parts: MediaWorkParts

  constructor(parts: MediaWorkParts) {
    this.#parts = parts
  }

  async run(wish: QuarantineWish, job: RunningJob): Promise<JsonObject> {
    const count = wish.room_id === null ? await this.#ofUser(wish, job) : await this.#ofRoom(wish.room_id, wish, job)
    return { num_quarantined: count }
  }

  async #ofRoom(roomId: RoomId, { by }: QuarantineWish, job: RunningJob): Promise<number> {
    const { reader, rooms } = this.#parts
    const room = (await rooms.roomByRoomId(roomId))?.room
    let at = {
      depth: numberIn(job.progress, 'depth', -1),
      event: numberIn(job.progress, 'event', Number.MIN_SAFE_INTEGER),
    }
    let count = numberIn(job.progress, 'count', 0)
    while (room !== undefined) {
      const page = await reader.eventsWithMedia(room, at, AT_ONCE)
      const names = page.flatMap(({ type, json }) => mediaIn(type, json))
      count += await this.#quarantine(names, by)
      const last = page.at(-1)
      if (last !== undefined) at = { depth: last.depth, event: last.event }
      await job.save({ ...at, count })
      if (page.length < AT_ONCE) break
    }
    return count
  }

  async #ofUser({ user, by }: QuarantineWish, job: RunningJob): Promise<number> {
    const { reader, serverName: server } = this.#parts
    let after = stringAt(job.progress, 'after') ?? ''
    let count = numberIn(job.progress, 'count', 0)
    while (user !== null) {
      const page = await reader.ofUser(user, after, AT_ONCE)
      count += await this.#quarantine(
        page.map((mediaId) => ({ server, mediaId })),
        by,
      )
      after = page.at(-1) ?? after
      await job.save({ after, count })
      if (page.length < AT_ONCE) break
    }
    return count
  }

  async #quarantine(names: readonly MediaName[], by: UserId | 'operator'): Promise<number> {
    const { writer, commit, serverName: own, nowMs } = this.#parts
    if (names.length === 0) return 0
    const [count] = await commit([writer.quarantine({ names, own, by, atMs: nowMs() })])
    return count
  }
}

export interface DeletionOfMedia extends JsonObject {
  readonly before_ms: number
  readonly size_gt: number
  readonly keep_profiles: boolean
}

/** Deletes media of this server that nobody asked for in a while. */
export class DeleteOldMedia implements JobKind<DeletionOfMedia> {
  readonly name = 'media.delete'
  readonly #parts: MediaWorkParts

  constructor(parts: MediaWorkParts) {
    this.#parts = parts
  }

  async run(wish: DeletionOfMedia, job: RunningJob): Promise<JsonObject> {
    const { reader, bytes, serverName } = this.#parts
    const kept = wish.keep_profiles ? await reader.avatars() : new Set<string>()
    let after = stringAt(job.progress, 'after') ?? ''
    let total = numberIn(job.progress, 'total', 0)
    const named = Array.isArray(job.progress.deleted_media) ? [...(job.progress.deleted_media as string[])] : []
    for (;;) {
      const page = await reader.old({ beforeMs: wish.before_ms, largerThan: wish.size_gt, after, limit: AT_ONCE })
      for (const mediaId of page) {
        if (kept.has(`mxc://${serverName}/${mediaId}`)) continue
        await bytes.remove(mediaId)
        total++
        if (named.length < MAX_NAMED) named.push(mediaId)
      }
      after = page.at(-1) ?? after
      await job.save({ after, total, deleted_media: named })
      if (page.length < AT_ONCE) return { deleted_media: named, total }
    }
  }
}

export interface PurgeOfCopies extends JsonObject {
  readonly before_ms: number
}

/** Deletes copies of other servers' media that nobody asked for in a while. */
export class PurgeMediaCache implements JobKind<PurgeOfCopies> {
  readonly name = 'media.purge-cache'
  readonly #parts: MediaWorkParts

  constructor(parts: MediaWorkParts) {
    this.#parts = parts
  }

  async run({ before_ms: beforeMs }: PurgeOfCopies, job: RunningJob): Promise<JsonObject> {
    const { copies, bytes } = this.#parts
    let deleted = numberIn(job.progress, 'deleted', 0)
    for (;;) {
      const page = await copies.usedBefore(beforeMs, AT_ONCE)
      for (const name of page) await bytes.removeCopy(name)
      // The file counts, and its thumbnails do not.
      deleted += page.filter(({ variant }) => variant === '').length
      await job.save({ deleted })
      if (page.length < AT_ONCE) return { deleted }
    }
  }
}
