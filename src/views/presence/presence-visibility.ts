import type { UserId } from '#spec'
import type { RoomNumber, RoomsReader } from '#store'
import { MAX_MEMBERS_MET } from '../known/newly-met.ts'
import type { UserRooms } from '../known/user-rooms.ts'
import type { PresenceEntry, PresenceNow } from './presence-now.ts'

/** Asks for the presence changes of one window that one user may see. */
export interface PresenceQuestion {
  readonly viewer: { readonly userId: UserId; readonly user: number }
  /** Rooms the viewer is joined to and that the answer is about. */
  readonly rooms: readonly RoomNumber[]
  /** Whether users whom the viewer sees through a presence list are included. */
  readonly lists: boolean
  readonly after: number
  readonly upTo: number
}

/** The changes of one window by room, and by user. */
interface Window {
  readonly ofRooms: ReadonlyMap<RoomNumber, readonly PresenceEntry[]>
  readonly ofUsers: ReadonlyMap<UserId, PresenceEntry>
}

export interface PresenceVisibilityParts {
  readonly presence: PresenceNow
  readonly userRooms: UserRooms
  readonly reader: Pick<RoomsReader, 'usersSharingRooms'>
}

/**
 * Decides who sees whose presence: users see their own, that of the users they share a room with, and that of the users who accepted
 * them on a presence list. A window is sorted by rooms once for all its readers: with 2,000 members in a room, each change has as many.
 */
export class PresenceVisibility {
  readonly #presence: PresenceNow
  readonly #userRooms: UserRooms
  readonly #reader: Pick<RoomsReader, 'usersSharingRooms'>
  readonly #windows = new WeakMap<readonly PresenceEntry[], Promise<Window>>()

  constructor({ presence, userRooms, reader }: PresenceVisibilityParts) {
    this.#presence = presence
    this.#userRooms = userRooms
    this.#reader = reader
  }

  /** All visible users who are not offline or have a status message: for a first sync. */
  async everybody(viewer: PresenceQuestion['viewer']): Promise<readonly PresenceEntry[]> {
    return this.#active(viewer, await this.#reader.usersSharingRooms(viewer.userId))
  }

  async #active(viewer: PresenceQuestion['viewer'], sharing: readonly UserId[]): Promise<readonly PresenceEntry[]> {
    const listed = await this.#presence.seenByList(viewer.user)
    return this.#presence.ofUsers([...new Set([...sharing, ...listed, viewer.userId])])
  }

  /** The same without members of large rooms, as a lazily loading client does not know them either. Their later changes are told to it. */
  async nearby(viewer: PresenceQuestion['viewer']): Promise<readonly PresenceEntry[]> {
    return this.#active(viewer, await this.#reader.usersSharingRooms(viewer.userId, MAX_MEMBERS_MET))
  }

  /** Changes with `after` < position <= `upTo`, each user once. Readers who see the changes of one room alone share one array. */
  async changed({ viewer, rooms, lists, after, upTo }: PresenceQuestion): Promise<readonly PresenceEntry[]> {
    if (after >= upTo) return []
    const met = lists ? this.#presence.metSince(viewer.userId, after, upTo) : []
    const changes = this.#presence.changedSince(after, upTo)
    if (changes.length === 0) return met
    const window = await this.#window(changes)
    const listed = lists ? await this.#presence.seenByList(viewer.user) : NOBODY
    const [inFirst = NOTHING, ...inOthers] = inRooms(window.ofRooms, rooms)
    const alone: PresenceEntry[] = []
    for (const userId of [...listed, viewer.userId]) {
      const entry = window.ofUsers.get(userId)
      if (entry !== undefined && !inFirst.includes(entry)) alone.push(entry)
    }
    if (met.length + inOthers.length + alone.length === 0) return inFirst
    const seen = [...inFirst, ...inOthers.flat(), ...alone, ...met]
    return [...new Map(seen.map((entry) => [entry.userId, entry])).values()]
  }

  #window(changes: readonly PresenceEntry[]): Promise<Window> {
    const known = this.#windows.get(changes)
    if (known !== undefined) return known
    const window = this.#sorted(changes)
    this.#windows.set(changes, window)
    // After a failure the next reader asks again.
    window.catch(() => this.#windows.delete(changes))
    return window
  }

  async #sorted(changes: readonly PresenceEntry[]): Promise<Window> {
    const ofRooms = new Map<RoomNumber, PresenceEntry[]>()
    for (const entry of changes) {
      const { user, userId } = entry
      if (user === undefined) continue
      for (const { room, membership } of (await this.#userRooms.of({ user, userId })).values()) {
        if (membership !== 'join') continue
        const held = ofRooms.get(room)
        if (held === undefined) ofRooms.set(room, [entry])
        else held.push(entry)
      }
    }
    return { ofRooms, ofUsers: new Map(changes.map((entry) => [entry.userId, entry])) }
  }
}

const NOBODY: ReadonlySet<UserId> = new Set()
const NOTHING: readonly PresenceEntry[] = []

/** The changes of each of the rooms that have any; looked up from whichever side is shorter. */
const inRooms = (ofRooms: Window['ofRooms'], rooms: readonly RoomNumber[]): readonly (readonly PresenceEntry[])[] => {
  if (rooms.length <= ofRooms.size) return rooms.flatMap((room) => nested(ofRooms.get(room)))
  const present = new Set(rooms)
  return [...ofRooms].flatMap(([room, entries]) => nested(present.has(room) ? entries : undefined))
}

const nested = (entries: readonly PresenceEntry[] | undefined): readonly (readonly PresenceEntry[])[] =>
  entries === undefined ? [] : [entries]
