import type { Membership } from '#spec'
import type { MembershipRecord, RoomsReader } from '#store'
import type { RoomsOfUser } from '../user-rooms.ts'
import { endOfStay } from '../visibility.ts'
import type { SyncWindow } from './request.ts'

/** How a room stands to the user in a window of the stream. */
export interface RoomStanding {
  readonly record: MembershipRecord
  /** In force at the window's end. */
  readonly membership: Membership
  /** Position of the member event in force at the window's end. */
  readonly position: number
  /** In the room during the whole window: everything in it may be shown without asking further. */
  readonly throughout: boolean
  /** Whether the membership changed within the window. */
  readonly changed: boolean
  /** Had, at the window's start or within it, a membership that the end of is news: joined, invited or knocking. */
  readonly wasPresent: boolean
  readonly everJoined: boolean
  /** Where the user's last stay in the room ended, and with it what they may know of its state. */
  readonly leftAt: number | undefined
  /** Joined within the window, and not at its start: the room's whole state is news. */
  readonly newlyJoined: boolean
}

/** A room's standing; undefined where the user had no membership yet at the window's end. */
export const standingOf = async (
  record: MembershipRecord,
  window: Pick<SyncWindow, 'syncer' | 'since' | 'now'>,
  reader: RoomsReader,
): Promise<RoomStanding | undefined> => {
  const start = window.since?.events
  if (record.position <= window.now.events) {
    // The usual case: nothing about it changed for long.
    if (start !== undefined && record.position <= start) {
      const present = isPresent(record.membership)
      const { membership, position } = record
      return {
        record,
        membership,
        position,
        ...UNCHANGED,
        throughout: present,
        wasPresent: present,
      }
    }
  }
  const history = await reader.membershipHistory(record.room, window.syncer.userId)
  const past = history.filter(({ position }) => position <= window.now.events)
  const last = past.at(-1)
  if (last === undefined) return undefined
  const atStart = start === undefined ? undefined : past.findLast(({ position }) => position <= start)
  const within = start === undefined ? past : past.filter(({ position }) => position > start)
  return {
    record,
    membership: last.membership,
    position: last.position,
    throughout: atStart?.membership === 'join' && within.every(({ membership }) => membership === 'join'),
    changed: within.some(({ membership }, index) => membership !== (within[index - 1] ?? atStart)?.membership),
    wasPresent: [atStart, ...within].some((step) => step !== undefined && isPresent(step.membership)),
    everJoined: past.some(({ membership }) => membership === 'join'),
    leftAt: endOfStay(past),
    newlyJoined: atStart?.membership !== 'join' && within.some(({ membership }) => membership === 'join'),
  }
}

const UNCHANGED = { changed: false, everJoined: true, leftAt: undefined, newlyJoined: false } as const

const isPresent = (membership: Membership): boolean =>
  membership === 'join' || membership === 'invite' || membership === 'knock'

/** Joined at the window's end, as far as the records tell without asking. */
export const joinedRooms = (rooms: RoomsOfUser): MembershipRecord[] =>
  [...rooms.values()].filter(({ membership }) => membership === 'join')
