import { breathe, type Clock, type Logger } from '#base'
import { type JsonObject, MatrixError, type UserId } from '#spec'
import type { Commit, PresenceStoreReader, PresenceStoreWriter, RoomsReader, UserNumber } from '#store'
import type { Streams } from '#streams'
import { LastSeen } from './last-seen.ts'
import { roomsToWake } from './presence-audience.ts'
import {
  contentOf,
  dropDeadConnections,
  newRecord,
  type PresenceProfile,
  type PresenceRecord,
  type PresenceState,
  presenceOf,
  samePresence,
} from './presence-record.ts'
import { RecentChanges } from './recent-changes.ts'

/** Changes that come within this time are announced together. */
const COALESCE_MS = 50
/** So many users at once; the rest at the next turn. */
const MAX_ANNOUNCED = 200
const SWEEP_MS = 10_000
const SWEPT_IN_A_SLICE = 5_000
/** Users who went offline are remembered, so that others hear of it; the database knows the rest. */
const REMEMBERED_OFFLINE = 20_000

export interface PresenceOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly streams: Pick<Streams, 'announce'>
  readonly rooms: Pick<RoomsReader, 'roomsOfUser' | 'room' | 'shareRoom'>
  readonly store: {
    readonly reader: PresenceStoreReader
    readonly writer: PresenceStoreWriter
    readonly commit: Commit
  }
}

interface Owner {
  readonly user: UserNumber
  readonly userId: UserId
  /** undefined for who has no device: an application service. */
  readonly device?: number | undefined
}

export interface PresenceEntry {
  readonly userId: UserId
  /** Of `m.presence`. */
  readonly content: JsonObject
}

const NO_DEVICE = 0

/** Who is about (module "Presence"): in memory; only status messages and last activity outlive the process. */
export class Presence {
  readonly #options: PresenceOptions
  readonly #records = new Map<UserId, PresenceRecord>()
  readonly #changes = new RecentChanges<UserId>()
  /** Longest ago first. */
  readonly #offline = new Set<UserId>()
  readonly #toAnnounce = new Set<PresenceRecord>()
  readonly #lastSeen: LastSeen
  #announcing = false
  #sweeping = false

  constructor(options: PresenceOptions) {
    this.#options = options
    const { clock, log, store } = options
    this.#lastSeen = new LastSeen({ clock, log, writer: store.writer, commit: store.commit })
  }

  /**
   * A `/sync` begins; the answer must be called when it ends. `offline` (its `set_presence`) leaves no trace: "the client is not
   * marked as being online", nor as being offline. Any other makes the user at least `unavailable` until some time after the last one ends.
   */
  async syncing(owner: Owner, state: PresenceState): Promise<() => void> {
    if (state === 'offline') return () => {}
    const device = owner.device ?? NO_DEVICE
    const record = await this.#recordOf(owner)
    const now = this.#now()
    if (presenceOf(record, now).state === 'offline') {
      dropDeadConnections(record, now)
      if (record.explicit !== 'offline') this.#markActive(record)
    }
    const connection = record.connections.get(device) ?? { state, open: 0, seenAt: now }
    connection.state = state
    connection.open++
    record.connections.set(device, connection)
    this.#changed(record)
    let over = false
    return () => {
      if (over) return
      over = true
      connection.open--
      connection.seenAt = this.#now()
    }
  }

  /** `PUT /presence/{userId}/status`: an absent status message is taken away. */
  async set(owner: Owner, state: PresenceState, statusMsg: string | undefined): Promise<void> {
    const record = await this.#recordOf(owner)
    const device = owner.device ?? NO_DEVICE
    const open = record.connections.get(device)?.open ?? 0
    record.connections.set(device, { state: state === 'online' ? 'online' : 'unavailable', open, seenAt: this.#now() })
    record.explicit = state === 'online' ? undefined : state
    record.statusMsg = statusMsg
    this.#markActive(record)
    this.#changed(record)
  }

  /** The user did something: sent an event, moved a receipt, began to type. Cheap. */
  active(userId: UserId): void {
    const record = this.#records.get(userId)
    if (record === undefined) return
    if (record.explicit === 'unavailable') record.explicit = undefined
    for (const connection of record.connections.values()) connection.state = 'online'
    this.#markActive(record)
    this.#changed(record)
  }

  /** Tells those who see the user, for `m.presence` carries the profile ("Events on Change of Profile Information"). */
  profileChanged(userId: UserId, profile: PresenceProfile): void {
    const record = this.#records.get(userId)
    if (record === undefined || presenceOf(record, this.#now()).state === 'offline') return
    record.profile = profile
    record.published = { state: 'offline', statusMsg: undefined, currentlyActive: false }
    this.#changed(record)
  }

  /** `GET /presence/{userId}/status`. Throws `M_FORBIDDEN` for who shares no room with the user. */
  async status(viewer: UserId, userId: UserId): Promise<JsonObject> {
    if (viewer !== userId && !(await this.#options.rooms.shareRoom(viewer, userId))) {
      throw new MatrixError('M_FORBIDDEN', 'You are not allowed to see their presence')
    }
    const known = this.#entry(userId)
    if (known !== undefined) return known.content
    const [lastSeen] = await this.#options.store.reader.lastSeen([userId])
    if (lastSeen === undefined) return { presence: 'offline' }
    return contentOf(newRecord(lastSeen.user, userId, lastSeen, this.#time()), this.#now())
  }

  /** Changes with `after` < position <= `upTo`, oldest first; who may see whom is not asked here. */
  changedSince(after: number, upTo: number): readonly PresenceEntry[] {
    return this.#changes.since(after, upTo).flatMap((userId) => this.#entry(userId) ?? [])
  }

  /** Those of the users who are not offline, or have a status message and were about lately. */
  ofUsers(userIds: readonly UserId[]): readonly PresenceEntry[] {
    return userIds.flatMap((userId) => {
      const entry = this.#entry(userId)
      return entry?.content.presence === 'offline' && entry.content.status_msg === undefined ? [] : (entry ?? [])
    })
  }

  /** Each of the users; offline is who was not about lately. */
  ofEach(userIds: readonly UserId[]): readonly PresenceEntry[] {
    return userIds.map((userId) => this.#entry(userId) ?? { userId, content: { presence: 'offline' } })
  }

  /** Keeps what is not kept yet: before the server stops. */
  flush(): Promise<void> {
    return this.#lastSeen.flush()
  }

  #entry(userId: UserId): PresenceEntry | undefined {
    const record = this.#records.get(userId)
    return record === undefined ? undefined : { userId, content: contentOf(record, this.#now()) }
  }

  #now(): number {
    return this.#options.clock.monotonicMs()
  }

  #time(): { readonly at: number; readonly ms: number } {
    return { at: this.#now(), ms: this.#options.clock.nowMs() }
  }

  async #recordOf({ user, userId }: Owner): Promise<PresenceRecord> {
    const known = this.#records.get(userId)
    if (known !== undefined) return this.#about(known)
    const [lastSeen] = await this.#options.store.reader.lastSeen([userId])
    const { at, ms } = this.#time()
    // Asked again: another request may have made it meanwhile.
    const record =
      this.#records.get(userId) ??
      newRecord(user, userId, lastSeen ?? { statusMsg: undefined, lastActiveMs: ms }, { at, ms })
    this.#records.set(userId, record)
    return this.#about(record)
  }

  /** Not to be forgotten before the next sweep has looked at it. */
  #about(record: PresenceRecord): PresenceRecord {
    this.#offline.delete(record.userId)
    this.#sweepLater()
    return record
  }

  #markActive(record: PresenceRecord): void {
    const { at, ms } = this.#time()
    record.activeAt = at
    record.lastActiveMs = ms
    this.#lastSeen.keepLater(record)
  }

  #changed(record: PresenceRecord): void {
    if (samePresence(presenceOf(record, this.#now()), record.published)) return
    this.#toAnnounce.add(record)
    this.#announceLater()
  }

  #announceLater(): void {
    if (this.#announcing) return
    this.#announcing = true
    this.#options.clock.after(COALESCE_MS, () => {
      this.#announce()
        .catch((error: unknown) => this.#options.log.warn({ err: error }, 'Presence could not be announced'))
        .finally(() => {
          this.#announcing = false
          if (this.#toAnnounce.size > 0) this.#announceLater()
        })
    })
  }

  async #announce(): Promise<void> {
    const records = [...this.#toAnnounce].slice(0, MAX_ANNOUNCED)
    for (const record of records) this.#toAnnounce.delete(record)
    const rooms = new Set<number>()
    for (const record of records) {
      for (const room of await roomsToWake(this.#options.rooms, record.userId)) rooms.add(room)
    }
    const now = this.#now()
    const changed = records.filter((record) => !samePresence(presenceOf(record, now), record.published))
    if (changed.length === 0) return
    const users = changed.map(({ user }) => user)
    this.#options.streams.announce('presence', { rooms: [...rooms], users }, (position) => {
      for (const record of changed) {
        record.published = presenceOf(record, now)
        this.#changes.touch(record.userId, position)
        this.#remember(record)
      }
    })
  }

  #remember({ userId, published, connections }: PresenceRecord): void {
    this.#offline.delete(userId)
    if (published.state !== 'offline' || connections.size > 0) return
    this.#offline.add(userId)
    if (this.#offline.size <= REMEMBERED_OFFLINE) return
    for (const oldest of this.#offline) {
      this.#offline.delete(oldest)
      this.#records.delete(oldest)
      this.#changes.forget(oldest)
      return
    }
  }

  /** Time alone makes people idle and offline: looked for now and then, as long as anybody is about. */
  #sweepLater(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#options.clock.after(SWEEP_MS, () => {
      this.#sweep()
        .catch((error: unknown) => this.#options.log.error({ err: error }, 'Presence could not be swept'))
        .finally(() => {
          this.#sweeping = false
          if (this.#records.size > this.#offline.size) this.#sweepLater()
        })
    })
  }

  async #sweep(): Promise<void> {
    let swept = 0
    for (const record of this.#records.values()) {
      if (this.#offline.has(record.userId)) continue
      const now = this.#now()
      dropDeadConnections(record, now)
      if (record.connections.size > 0 || !samePresence(presenceOf(record, now), record.published)) this.#changed(record)
      else this.#remember(record)
      if (++swept % SWEPT_IN_A_SLICE === 0) await breathe(this.#options.clock)
    }
  }
}
