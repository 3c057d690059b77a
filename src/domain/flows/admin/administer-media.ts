import { type JsonObject, MatrixError, type RoomId, type ServerName, type UserId } from '#spec'
import {
  type Change,
  type Commit,
  type MediaName,
  type MediaStandingReader,
  type MediaStandingWriter,
  type RoomRecordsReader,
  type StoredJob,
  WriteConflict,
} from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import type { Jobs } from '../../jobs/index.ts'
import type { StoredBytes } from '../../media/index.ts'
import type { DeletionOfMedia, QuarantineWish } from './media-work.ts'

export interface AdministerMediaParts {
  readonly store: {
    readonly reader: Pick<MediaStandingReader, 'overview'>
    readonly writer: MediaStandingWriter
    readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'>
    readonly commit: Commit
    readonly serverName: ServerName
  }
  readonly bytes: Pick<StoredBytes, 'remove'>
  readonly accounts: Pick<Accounts, 'account'>
  readonly jobs: Jobs
  readonly audit: AuditLog
  readonly nowMs: () => number
}

/** Deeds of administrators with media. Nobody is asked who they are: the caller has made sure of that. */
export class AdministerMedia {
  readonly #parts: AdministerMediaParts

  constructor(parts: AdministerMediaParts) {
    this.#parts = parts
  }

  /** Protected media are left. Media of other servers need not be here. */
  async quarantine(name: MediaName, actor: AdminActor): Promise<void> {
    const { writer, serverName: own } = this.#parts.store
    await this.#noted(writer.quarantine({ names: [name], own, by: actor.by, atMs: this.#parts.nowMs() }), {
      ...{ actor, action: 'media.quarantine', subject: uriOf(name) },
    })
  }

  async unquarantine(name: MediaName, actor: AdminActor): Promise<void> {
    const change = this.#parts.store.writer.unquarantine(name)
    await this.#noted(change, { actor, action: 'media.unquarantine', subject: uriOf(name) })
  }

  /** Throws `M_NOT_FOUND` for media that this server does not have. */
  async setProtected(mediaId: string, isProtected: boolean, actor: AdminActor): Promise<void> {
    const { writer, serverName: server } = this.#parts.store
    const action = isProtected ? 'media.protect' : 'media.unprotect'
    const subject = uriOf({ server, mediaId })
    try {
      await this.#noted(writer.protect(mediaId, isProtected), { actor, action, subject })
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'media-unknown') throw error
      throw new MatrixError('M_NOT_FOUND', 'There is no such media')
    }
  }

  /** Deletes media of this server. Returns those that were there. */
  async delete(mediaIds: readonly string[], actor: AdminActor): Promise<readonly string[]> {
    const { store, bytes, audit } = this.#parts
    const deleted: string[] = []
    for (const mediaId of mediaIds) {
      if ((await store.reader.overview(mediaId)) === undefined) continue
      await bytes.remove(mediaId)
      deleted.push(mediaId)
      const subject = uriOf({ server: store.serverName, mediaId })
      await audit.record({ ...actor, action: 'media.delete', subject, details: {} })
    }
    return deleted
  }

  /** Starts to put all media that a room shows into quarantine; returns the id of the job. Throws `M_NOT_FOUND`. */
  async quarantineRoom(roomId: RoomId, actor: AdminActor): Promise<string> {
    if ((await this.#parts.store.rooms.roomByRoomId(roomId)) === undefined)
      throw new MatrixError('M_NOT_FOUND', 'Room not found')
    const wish: QuarantineWish = { room_id: roomId, user: null, by: actor.by }
    return this.#start('media.quarantine', wish, { actor, action: 'media.quarantine_room', subject: roomId })
  }

  /** The same for all that a user of this server uploaded. */
  async quarantineUser(userId: UserId, actor: AdminActor): Promise<string> {
    const user = (await this.#parts.accounts.account(userId))?.user
    if (user === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    const wish: QuarantineWish = { room_id: null, user, by: actor.by }
    return this.#start('media.quarantine', wish, { actor, action: 'media.quarantine_user', subject: userId })
  }

  /** Starts to delete media that nobody asked for since a time; returns the id of the job. */
  deleteOld(wish: DeletionOfMedia, actor: AdminActor): Promise<string> {
    return this.#start('media.delete', wish, { actor, action: 'media.delete_old', subject: '' })
  }

  /** Starts to delete copies of other servers' media; returns the id of the job. */
  purgeCache(beforeMs: number, actor: AdminActor): Promise<string> {
    return this.#start(
      'media.purge-cache',
      { before_ms: beforeMs },
      { actor, action: 'media.purge_cache', subject: '' },
    )
  }

  /** Waits for a job of these. Returns its result. Throws `M_UNKNOWN` (500) where it failed, or goes on when the signal aborts. */
  async resultOf(id: string, signal: AbortSignal): Promise<JsonObject> {
    const job: StoredJob | undefined = await this.#parts.jobs.ended(id, signal)
    if (job?.state === 'complete') return job.result ?? {}
    throw new MatrixError('M_UNKNOWN', job?.error ?? `The job ${id} goes on`, { status: 500 })
  }

  #start(name: string, wish: JsonObject, { actor, action, subject }: Deed): Promise<string> {
    const { jobs, audit } = this.#parts
    const also = [audit.note({ ...actor, action, subject, details: wish })]
    return jobs.start({ name }, wish, { by: actor.by, also, ...(subject === '' ? {} : { key: subject }) })
  }

  async #noted(change: Change<unknown>, { actor, action, subject }: Deed): Promise<void> {
    const { store, audit } = this.#parts
    await store.commit([change, audit.note({ ...actor, action, subject, details: {} })])
  }
}

interface Deed {
  readonly actor: AdminActor
  readonly action: string
  readonly subject: string
}

const uriOf = ({ server, mediaId }: MediaName): string => `mxc://${server}/${mediaId}`
