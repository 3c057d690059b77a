import type { Soon } from '#base'
import type { Membership, UserId } from '#spec'
import type { MembershipRecord, MembershipStep, RoomStateReader } from '#store'

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
export const membershipInWindow = (
  record: MembershipRecord,
  window: MembershipWindow,
  reader: RoomStateReader,
): Soon<MembershipInWindow | undefined> => {
  const { after, upTo } = window
  // The usual case: the membership did not change in the window.
  if (after !== undefined && record.position <= after && record.position <= upTo) {
    const { membership, position } = record
    const present = isPresent(membership)
    return { record, membership, position, ...UNCHANGED, throughout: present, wasPresent: present }
  }
  // The other usual case: a member is told everything.
  if (after === undefined && record.membership === 'join' && record.position <= upTo) {
    const { membership, position } = record
    return { record, membership, position, ...JOINED_BEFORE }
  }
  return changedMembership(record, window, reader)
}

const changedMembership = async (
  record: MembershipRecord,
  { userId, after, upTo }: MembershipWindow,
  reader: RoomStateReader,
): Promise<MembershipInWindow | undefined> => {
  const last = await reader.membershipAt(record.room, userId, upTo)
  if (last === undefined) return undefined
  const stay = await reader.lastStay(record.room, userId, upTo)
  const everJoined = stay !== undefined
  const leftAt = stay?.ended !== undefined && stay.ended <= upTo ? stay.ended : undefined
  const atEnd = { record, membership: last.membership, position: last.position, everJoined, leftAt }
  if (after === undefined) {
    const wasPresent =
      everJoined || isPresent(last.membership) || (await wasPresentBefore(record, userId, last, reader))
    return { ...atEnd, throughout: false, changed: true, wasPresent, newlyJoined: everJoined }
  }
  const atStart = await reader.membershipAt(record.room, userId, after)
  const within = await reader.membershipsBetween(record.room, userId, after, upTo)
  return {
    ...atEnd,
    throughout: atStart?.membership === 'join' && within.every(({ membership }) => membership === 'join'),
    changed: within.some(({ membership }, index) => membership !== (within[index - 1] ?? atStart)?.membership),
    wasPresent: [atStart, ...within].some((step) => step !== undefined && isPresent(step.membership)),
    newlyJoined: atStart?.membership !== 'join' && within.some(({ membership }) => membership === 'join'),
  }
}

/** An invite or a knock that came to its end. */
const wasPresentBefore = async (
  { room }: MembershipRecord,
  userId: UserId,
  { position }: MembershipStep,
  reader: RoomStateReader,
): Promise<boolean> => {
  const before = await reader.membershipAt(room, userId, position - 1)
  return before !== undefined && isPresent(before.membership)
}

const UNCHANGED = { changed: false, everJoined: true, leftAt: undefined, newlyJoined: false } as const

const JOINED_BEFORE = {
  ...{ throughout: false, changed: true, wasPresent: true },
  ...{ everJoined: true, leftAt: undefined, newlyJoined: true },
} as const

const isPresent = (membership: Membership): boolean =>
  membership === 'join' || membership === 'invite' || membership === 'knock'
