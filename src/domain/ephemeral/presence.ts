import { type Clock, type Logger, yieldToEventLoop } from '#base'
import { type JsonObject, MatrixError, type UserId } from '#spec'
import type { Commit, PresenceStoreReader, PresenceStoreWriter, RoomsReader, UserNumber } from '#store'
import type { Streams } from '#streams'
import { LastSeen } from './last-seen.ts'
import type { PresenceLists } from './presence-lists.ts'
import { PresenceNews } from './presence-news.ts'
import {
  contentOf,
  dropDeadConnections,
  newRecord,
  type PresenceEntry,
  type PresenceProfile,
  type PresenceRecord,
  type PresenceState,
  presenceOf,
  samePresence,
  takeRemote,
} from './presence-record.ts'

/** Time for which all readers get the same text; `last_active_ago` may be wrong by as much. */
const SHARED_FOR_MS = 1_000
const SHARED_WINDOWS = 64
const SWEEP_MS = 10_000
const SWEPT_IN_A_SLICE = 5_000
/** Offline users that are remembered, so that others hear of it; the database has the others. */
const REMEMBERED_OFFLINE = 20_000

export interface PresenceParts {
  /** If false, everybody is offline, and nothing is stored or told. */
  readonly enabled: boolean
  readonly clock: Clock
  readonly log: Logger
  readonly streams: Pick<Streams, 'announce' | 'reached'>
  readonly rooms: Pick<RoomsReader, 'roomsOfUser' | 'shareRoom' | 'usersSharingRooms'>
  readonly lists: PresenceLists
  readonly store: {
    readonly reader: PresenceStoreReader
    readonly writer: PresenceStoreWriter
    readonly commit: Commit
  }
}

interface Owner {
  readonly user: UserNumber
  readonly userId: UserId
  /** undefined for application services, which have no device. */
  readonly device?: number | undefined
}

const NO_DEVICE = 0
/** Up to so many listed users are asked for one by one whether they share a room. */
const FEW_LISTED = 20
const OFFLINE: JsonObject = { presence: 'offline' }

/** Presence (module "Presence"): in memory; only status messages and last activity outlive the process. */
export class Presence {
  readonly #parts: PresenceParts
  readonly #records = new Map<UserId, PresenceRecord>()
  /** In the order in which they went offline. */
  readonly #offline = new Set<UserId>()
  readonly #lastSeen: LastSeen
  readonly #news: PresenceNews
  /** Windows read a moment ago, so that all who read them get the same objects. */
  readonly #windows = new Map<string, readonly PresenceEntry[]>()
  #windowsSince = Number.NEGATIVE_INFINITY
  #sweeping = false

  constructor(parts: PresenceParts) {
    this.#parts = parts
    const { clock, log, store, streams, rooms, lists } = parts
    this.#lastSeen = new LastSeen({ clock, log, writer: store.writer, commit: store.commit })
    this.#news = new PresenceNews({
      ...{ clock, log, streams, rooms },
      followersOf: (user) => lists.followersOf(user),
      told: (record) => {
        record.shown = undefined
        this.#remember(record)
      },
    })
  }

  /**
   * Begins a `/sync`; the returned function must be called when it ends. `offline` (its `set_presence`) changes nothing: "the client is not
   * marked as being online", nor as being offline. Any other state makes the user at least `unavailable` until some time after the last sync ends.
   */
  async syncing(owner: Owner, state: Exclude<PresenceState, 'free_for_chat'>): Promise<() => void> {
    if (state === 'offline' || !this.#parts.enabled) return () => {}
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
    this.#news.changed(record)
    let over = false
    return () => {
      if (over) return
      over = true
      connection.open--
      connection.seenAt = this.#now()
    }
  }

  /** `PUT /presence/{userId}/status`. Without `statusMsg` the status message is removed. */
  async set(owner: Owner, state: PresenceState, statusMsg: string | undefined): Promise<void> {
    if (!this.#parts.enabled) return
    const record = await this.#recordOf(owner)
    const device = owner.device ?? NO_DEVICE
    const open = record.connections.get(device)?.open ?? 0
    const isOnline = state === 'online' || state === 'free_for_chat'
    record.connections.set(device, { state: isOnline ? 'online' : 'unavailable', open, seenAt: this.#now() })
    record.explicit = state === 'online' ? undefined : state
    record.statusMsg = statusMsg
    this.#markActive(record)
    this.#news.changed(record)
  }

  /** Takes what another server says of its user. `numberOf` is asked for users who are not known: undefined for those who are of no interest here. */
  async setRemote(userId: UserId, said: JsonObject, numberOf: () => Promise<UserNumber | undefined>): Promise<void> {
    if (!this.#parts.enabled) return
    const user = this.#records.get(userId)?.user ?? (await numberOf())
    if (user === undefined) return
    const record = await this.#recordOf({ user, userId })
    if (takeRemote(record, said, this.#time())) this.#news.changed(record)
  }

  /** Records that the user did something: sent an event, moved a receipt, began to type. Cheap. */
  active(userId: UserId): void {
    const record = this.#records.get(userId)
    if (record === undefined) return
    if (record.explicit === 'unavailable') record.explicit = undefined
    for (const connection of record.connections.values()) connection.state = 'online'
    this.#markActive(record)
    this.#news.changed(record)
  }

  /** Announces a changed profile, which `m.presence` contains ("Events on Change of Profile Information"). */
  profileChanged(userId: UserId, profile: PresenceProfile): void {
    const record = this.#records.get(userId)
    if (record === undefined) return
    // Also for users who are away: it is announced when they come back.
    record.profile = profile
    if (presenceOf(record, this.#now()).state !== 'offline') this.#news.changed(record)
  }

  /**
   * `GET /presence/{userId}/status`: for the user, for users who share a room with them, and for those who see them by a presence list. Throws
   * `M_FORBIDDEN` for everybody else, whether or not there is such a user.
   */
  async status(viewer: Owner, userId: UserId): Promise<JsonObject> {
    const { rooms, lists } = this.#parts
    const sees =
      viewer.userId === userId ||
      (await rooms.shareRoom(viewer.userId, userId)) ||
      (await lists.seenBy(viewer.user)).has(userId)
    if (!sees) throw new MatrixError('M_FORBIDDEN', 'You are not allowed to see their presence')
    const [entry] = await this.#current([userId])
    return entry?.content ?? OFFLINE
  }

  /** The presence of the users on the owner's list, without those who have not accepted. */
  async list(owner: Owner): Promise<readonly PresenceEntry[]> {
    const { rooms, lists } = this.#parts
    const listed = await lists.listed(owner.user)
    const seen = await lists.seenBy(owner.user)
    const others = listed.filter(({ userId }) => !seen.has(userId))
    const known = others.length > FEW_LISTED ? new Set(await rooms.usersSharingRooms(owner.userId)) : undefined
    const sharing = new Set<UserId>(seen)
    for (const { userId } of others) {
      const shares = userId === owner.userId || known?.has(userId)
      if (shares ?? (await rooms.shareRoom(owner.userId, userId))) sharing.add(userId)
    }
    return this.#current(listed.map(({ userId }) => userId).filter((userId) => sharing.has(userId)))
  }

  /** `POST /presence/list/{userId}`: see `PresenceLists.change`. Users who now see somebody are told of them. */
  async changeList(
    owner: Owner,
    change: { readonly invite: readonly UserId[]; readonly drop: readonly UserId[] },
  ): Promise<void> {
    this.#news.meet(await this.#parts.lists.change(owner, change))
  }

  /** The users whose presence the user sees by a list. */
  seenByList(user: UserNumber): Promise<ReadonlySet<UserId>> {
    return this.#parts.lists.seenBy(user)
  }

  /** Changes with `after` < position <= `upTo` as announced, oldest first; the same array for all who ask at about the same time. Does not check who may see whom. */
  changedSince(after: number, upTo: number): readonly PresenceEntry[] {
    const now = this.#now()
    if (now - this.#windowsSince >= SHARED_FOR_MS || this.#windows.size >= SHARED_WINDOWS) {
      this.#windows.clear()
      this.#windowsSince = now
    }
    const key = `${after}-${upTo}`
    const known = this.#windows.get(key)
    if (known !== undefined) return known
    const entries = this.#news.since(after, upTo).flatMap((userId) => {
      const record = this.#records.get(userId)
      return record === undefined ? [] : this.#toldEntry(record)
    })
    this.#windows.set(key, entries)
    return entries
  }

  /** The users whom the viewer sees by a list only since then, the offline ones too. */
  metSince(viewer: UserId, after: number, upTo: number): readonly PresenceEntry[] {
    return this.ofEach(this.#news.metSince(viewer, after, upTo))
  }

  /** Entries of the users who are not offline, or have a status message and were active lately. */
  ofUsers(userIds: readonly UserId[]): readonly PresenceEntry[] {
    return userIds.flatMap((userId) => {
      const entry = this.#entry(userId)
      return entry?.content.presence === 'offline' && entry.content.status_msg === undefined ? [] : (entry ?? [])
    })
  }

  /** An entry for each of the users, `offline` for those who were not active lately. Empty if presence is switched off. */
  ofEach(userIds: readonly UserId[]): readonly PresenceEntry[] {
    if (!this.#parts.enabled) return []
    return userIds.map((userId) => this.#entry(userId) ?? { userId, content: OFFLINE })
  }

  /** Stores everything that is not stored yet, before the server stops. */
  flush(): Promise<void> {
    return this.#lastSeen.flush()
  }

  #entry(userId: UserId): PresenceEntry | undefined {
    const record = this.#records.get(userId)
    if (record === undefined) return undefined
    const now = this.#now()
    if (samePresence(presenceOf(record, now), record.published)) return this.#toldEntry(record)
    return { user: record.user, userId, content: contentOf(record, now) }
  }

  /** The entry as announced, not as it is now: otherwise a change that is about to be announced would be told twice. Shared by all who read it within a moment. */
  #toldEntry(record: PresenceRecord): PresenceEntry {
    const now = this.#now()
    if (record.shown === undefined || now - record.shown.at >= SHARED_FOR_MS) {
      const { user, userId, published } = record
      record.shown = { entry: { user, userId, content: contentOf(record, now, published) }, at: now }
    }
    return record.shown.entry
  }

  /** The entries as of now, also for users who were not active since the start. */
  async #current(userIds: readonly UserId[]): Promise<readonly PresenceEntry[]> {
    const absent = this.#parts.enabled ? userIds.filter((userId) => !this.#records.has(userId)) : []
    const kept = new Map((await this.#parts.store.reader.lastSeen(absent)).map((seen) => [seen.userId, seen]))
    return userIds.map((userId) => {
      const lastSeen = kept.get(userId)
      const record = this.#records.get(userId) ?? (lastSeen && newRecord(lastSeen.user, userId, lastSeen, this.#time()))
      return { userId, content: record === undefined ? OFFLINE : contentOf(record, this.#now()) }
    })
  }

  #now(): number {
    return this.#parts.clock.monotonicMs()
  }

  #time(): { readonly at: number; readonly ms: number } {
    return { at: this.#now(), ms: this.#parts.clock.nowMs() }
  }

  async #recordOf({ user, userId }: Owner): Promise<PresenceRecord> {
    const known = this.#records.get(userId)
    if (known !== undefined) return this.#about(known)
    const [lastSeen] = await this.#parts.store.reader.lastSeen([userId])
    const { at, ms } = this.#time()
    // Looked up again, as another request may have made the record meanwhile.
    const record =
      this.#records.get(userId) ??
      newRecord(user, userId, lastSeen ?? { statusMsg: undefined, lastActiveMs: ms }, { at, ms })
    this.#records.set(userId, record)
    return this.#about(record)
  }

  /** Keeps the record until the next sweep has checked it. */
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

  #remember({ userId, published, connections }: PresenceRecord): void {
    this.#offline.delete(userId)
    if (published.state !== 'offline' || connections.size > 0) return
    this.#offline.add(userId)
    if (this.#offline.size <= REMEMBERED_OFFLINE) return
    for (const oldest of this.#offline) {
      this.#offline.delete(oldest)
      this.#records.delete(oldest)
      this.#news.forget(oldest)
      return
    }
  }

  /** Sweeps now and then while anybody is active, as people become idle and offline by time alone. */
  #sweepLater(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#parts.clock.after(SWEEP_MS, () => {
      this.#sweep()
        .catch((error: unknown) => this.#parts.log.error({ err: error }, 'Presence could not be swept'))
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
      if (record.connections.size > 0 || !samePresence(presenceOf(record, now), record.published))
        this.#news.changed(record)
      else this.#remember(record)
      if (++swept % SWEPT_IN_A_SLICE === 0) await yieldToEventLoop(this.#parts.clock)
    }
  }
}
