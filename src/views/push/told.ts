import type { JsonObject } from '#spec'
import {
  type EventsReader,
  type MembershipRecord,
  type Receipt,
  type RoomStateReader,
  type StoredEvent,
  threadOf,
} from '#store'
import { type InvitesShown, isInviteShown } from '../known/invites-shown.ts'
import type { PushedUser } from './push-verdicts.ts'

/** Whether the event is one to notify the user of. Members are notified of events during their stay, other users of their own invite alone, if it is shown. */
export const isTold = async (
  { userId, user }: PushedUser,
  record: MembershipRecord,
  event: StoredEvent,
  { reader, invites }: { readonly reader: Pick<RoomStateReader, 'membershipAt'>; readonly invites: InvitesShown },
): Promise<boolean> => {
  switch (record.membership) {
    case 'invite':
      return event.type === 'm.room.member' && event.stateKey === userId && isInviteShown(invites, user, event.sender)
    case 'join': {
      if (event.position >= record.position) return true
      // Rare: the newest member event is later than this event. It may be the join, or a change of the name after it.
      const then = await reader.membershipAt(event.room, userId, event.position)
      return then?.membership === 'join'
    }
    case 'knock':
    case 'leave':
    case 'ban':
      return false
  }
}

/** Whether one of the user's receipts in the event's room covers it. */
export const isRead = async (
  { room, position }: StoredEvent,
  content: JsonObject,
  receipts: readonly Pick<Receipt, 'threadId' | 'eventPosition'>[],
  reader: EventsReader,
): Promise<boolean> => {
  const { thread } = await threadOf({ room, content }, reader)
  return receipts.some(
    ({ threadId, eventPosition }) => eventPosition >= position && (threadId === undefined || threadId === thread),
  )
}
