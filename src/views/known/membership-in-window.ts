import type { Membership, UserId } from '#spec'
import type { MembershipRecord, RoomStateReader } from '#store'
import { endOfStay } from './visibility.ts'

/** Events with `after` < position <= `upTo`; without `after`, from the beginning. */
export interface MembershipWindow {
  readonly userId: UserId
  readonly after: number | undefined
  readonly upTo: number
}

/** A user's membership of one room in a window of the stream of events. */
export interface MembershipInWindow {
  readonly record: MembershipRecord
  /** In force at the window's end. */
  readonly membership: Membership
  /** Position of the member event in force at the window's end. */
  readonly position: number
  /** In the room during the whole window: everything in it may be shown without asking further. */
  readonly throughout: boolean
  /** Whether the membership changed within the window. */
  readonly changed: boolean
  /** Joined, invited or knocking at the window's start or within it: the end of that is news. */
  readonly wasPresent: boolean
  readonly everJoined: boolean
  /** Position where the user's last stay ended; they may not know of later state. */
  readonly leftAt: number | undefined
  /** Joined within the window and not at its start: the room's whole state is news. */
  readonly newlyJoined: boolean
}

/** undefined where the user had no membership yet at the window's end. */
export const membershipInWindow = async (
  record: MembershipRecord,
  { userId, after, upTo }: MembershipWindow,
  reader: RoomStateReader,
): Promise<MembershipInWindow | undefined> => {
  // The usual case: the membership did not change in the window.
  if (after !== undefined && record.position <= after && record.position <= upTo) {
    const { membership, position } = record
    const present = isPresent(membership)
    return { record, membership, position, ...UNCHANGED, throughout: present, wasPresent: present }
  }
  const history = await reader.membershipHistory(record.room, userId)
  const past = history.filter(({ position }) => position <= upTo)
  const last = past.at(-1)
  if (last === undefined) return undefined
  const atStart = after === undefined ? undefined : past.findLast(({ position }) => position <= after)
  const within = after === undefined ? past : past.filter(({ position }) => position > after)
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
