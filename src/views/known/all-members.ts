import type { MembershipInWindow } from './membership-in-window.ts'
import type { Window } from './window.ts'

/**
 * The membership as a client is told of it that wants all members of its rooms: a room whose members are still fetched is not told, and once they are there
 * it is as a room that was joined then. undefined: not told.
 */
export const withAllMembers = (
  member: MembershipInWindow,
  { since, now }: Pick<Window, 'since' | 'now'>,
): MembershipInWindow | undefined => {
  const { membersSince } = member.record
  if (membersSince === undefined || member.membership !== 'join') return member
  if (membersSince > now.events) return undefined
  if (since === undefined || membersSince <= since.events) return member
  return { ...member, changed: true, throughout: false, newlyJoined: true }
}
