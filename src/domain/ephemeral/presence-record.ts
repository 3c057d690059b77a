import type { JsonObject, UserId } from '#spec'
import type { UserNumber } from '#store'

/** `free_for_chat` is a state of the document of 2015 ("generally willing to receive messages moreso than default"): online, and set by the user. */
export const PRESENCE_STATES = ['online', 'unavailable', 'offline', 'free_for_chat'] as const
export type PresenceState = (typeof PRESENCE_STATES)[number]

/** Time for which a client counts as connected after its last `/sync`. */
export const SYNC_GRACE_MS = 30_000
/** "The server will automatically set a user's presence to unavailable if …" (module "Presence", "Idle timeout"). */
export const IDLE_AFTER_MS = 5 * 60_000
/** Time for which `currently_active` holds after an activity; further activity in it needs no update. */
export const CURRENTLY_ACTIVE_MS = 60_000

export interface Connection {
  state: 'online' | 'unavailable'
  /** Requests under way. */
  open: number
  /** Time at which the last one ended. */
  seenAt: number
}

/** The state that others were last told. */
export interface PublishedPresence {
  readonly state: PresenceState
  readonly statusMsg: string | undefined
  readonly currentlyActive: boolean
  readonly profile: PresenceProfile
}

export interface PresenceProfile {
  readonly displayname?: string
  readonly avatar_url?: string
}

const NO_PROFILE: PresenceProfile = {}

export interface PresenceEntry {
  /** undefined for users who were not active lately. */
  readonly user?: UserNumber
  readonly userId: UserId
  /** The state of `m.presence`; `free_for_chat` is for the edge to translate where a client does not know it. */
  readonly content: JsonObject
}

/** One user's presence. Times named `…At` are monotonic. */
export interface PresenceRecord {
  readonly user: UserNumber
  readonly userId: UserId
  /** By device. */
  readonly connections: Map<number, Connection>
  /** Set by the user; `set_presence` of a sync does not change it. */
  explicit: Exclude<PresenceState, 'online'> | undefined
  statusMsg: string | undefined
  activeAt: number
  /** The same moment in Unix time, to be stored. */
  lastActiveMs: number
  published: PublishedPresence
  /** For a user of another server: what that server said last, and until when it counts. */
  remote?: { readonly state: PresenceState; readonly currentlyActive: boolean; readonly untilAt: number }
  /** Known if it changed while the user was active. */
  profile: PresenceProfile
  /** The last told state as readers are given it for a while, so that many share one text. */
  shown: { readonly entry: PresenceEntry; readonly at: number } | undefined
}

export const newRecord = (
  user: UserNumber,
  userId: UserId,
  lastSeen: { readonly statusMsg: string | undefined; readonly lastActiveMs: number },
  now: { readonly at: number; readonly ms: number },
): PresenceRecord => ({
  user,
  userId,
  connections: new Map(),
  explicit: undefined,
  statusMsg: lastSeen.statusMsg,
  activeAt: now.at - Math.max(0, now.ms - lastSeen.lastActiveMs),
  lastActiveMs: lastSeen.lastActiveMs,
  published: { state: 'offline', statusMsg: lastSeen.statusMsg, currentlyActive: false, profile: NO_PROFILE },
  profile: NO_PROFILE,
  shown: undefined,
})

const isLive = (connection: Connection, now: number): boolean =>
  connection.open > 0 || now - connection.seenAt < SYNC_GRACE_MS

/** Time for which the word of another server counts; it says it again before. */
const REMOTE_MS = 30 * 60_000
const MAX_STATUS_LENGTH = 4_096

/** Takes what another server says of its user (server-server API, "Presence"). Returns whether it says anything. */
export const takeRemote = (
  record: PresenceRecord,
  said: JsonObject,
  now: { readonly at: number; readonly ms: number },
): boolean => {
  const state = PRESENCE_STATES.find((known) => known === said.presence)
  if (state === undefined) return false
  const { last_active_ago: ago, status_msg: status } = said
  record.remote = { state, currentlyActive: said.currently_active === true, untilAt: now.at + REMOTE_MS }
  record.statusMsg = typeof status === 'string' ? status.slice(0, MAX_STATUS_LENGTH) : undefined
  const agoMs = typeof ago === 'number' && Number.isSafeInteger(ago) ? Math.max(0, ago) : 0
  record.activeAt = now.at - agoMs
  record.lastActiveMs = now.ms - agoMs
  return true
}

/** Forgets clients that are gone, and with the last of them the state set by the user. */
export const dropDeadConnections = (record: PresenceRecord, now: number): void => {
  for (const [device, connection] of record.connections) {
    if (!isLive(connection, now)) record.connections.delete(device)
  }
  if (record.connections.size === 0) record.explicit = undefined
}

const isOnline = (state: PresenceState): boolean => state === 'online' || state === 'free_for_chat'

const stateOf = (record: PresenceRecord, now: number): PresenceState => {
  if (record.remote !== undefined) return now < record.remote.untilAt ? record.remote.state : 'offline'
  const live = [...record.connections.values()].filter((connection) => isLive(connection, now))
  if (live.length === 0 || record.explicit === 'offline') return 'offline'
  if (record.explicit === 'unavailable' || now - record.activeAt >= IDLE_AFTER_MS) return 'unavailable'
  if (!live.some(({ state }) => state === 'online')) return 'unavailable'
  return record.explicit ?? 'online'
}

/** The state that others may know now. */
export const presenceOf = (record: PresenceRecord, now: number): PublishedPresence => {
  const state = stateOf(record, now)
  return {
    state,
    statusMsg: record.statusMsg,
    currentlyActive: isOnline(state) && (record.remote?.currentlyActive ?? now - record.activeAt < CURRENTLY_ACTIVE_MS),
    profile: record.profile,
  }
}

export const samePresence = (one: PublishedPresence, other: PublishedPresence): boolean =>
  sameButForActivity(one, other) && one.currentlyActive === other.currentlyActive

/** Whether only `currently_active` differs: it is told with other news but wakes nobody. */
export const sameButForActivity = (one: PublishedPresence, other: PublishedPresence): boolean =>
  one.state === other.state && one.statusMsg === other.statusMsg && one.profile === other.profile

/** The content of `m.presence`, by default of the presence now. */
export const contentOf = (record: PresenceRecord, now: number, presence = presenceOf(record, now)): JsonObject => {
  const { state, statusMsg, currentlyActive, profile } = presence
  return {
    presence: state,
    last_active_ago: Math.max(0, Math.round(now - record.activeAt)),
    ...(isOnline(state) ? { currently_active: currentlyActive } : {}),
    ...(statusMsg === undefined ? {} : { status_msg: statusMsg }),
    ...profile,
  }
}
