import type { HistoryVisibility, JsonObject, Membership, RoomEvent, UserId } from '#spec'
import { MEMBERSHIPS, stringAt } from '#spec'

const HISTORY_VISIBILITIES: ReadonlySet<string> = new Set<HistoryVisibility>([
  'invited',
  'joined',
  'shared',
  'world_readable',
])

/** The visibility that an `m.room.history_visibility` sets; `shared` if there is none or it is not understood. */
export const historyVisibilityOf = (content: JsonObject | undefined): HistoryVisibility => {
  const value = content === undefined ? undefined : stringAt(content, 'history_visibility')
  return value !== undefined && HISTORY_VISIBILITIES.has(value) ? (value as HistoryVisibility) : 'shared'
}

/** The facts that decide whether a user may see an event: the state just before it, and later joins. */
export interface VisibilityCircumstances {
  readonly visibility: HistoryVisibility
  /** The user's membership before the event; undefined if there is none. */
  readonly membership: Membership | undefined
  /** Whether the user joined at any point after the event was sent. */
  readonly joinedLater: boolean
}

/**
 * Whether a user may see an event (client-server API, "Room History Visibility", "Server behaviour"). A change of the
 * visibility is seen by users whom the old or the new one admits; a change of the user's own membership likewise. A user
 * without any membership, or a guest, sees what was `world_readable`.
 */
export const maySeeEvent = (userId: UserId, event: RoomEvent, circumstances: VisibilityCircumstances): boolean => {
  const { visibility, membership, joinedLater } = circumstances
  return (
    maySeeMessage(circumstances) ||
    allows(visibilityAfter(event) ?? visibility, membershipAfter(event, userId) ?? membership, joinedLater)
  )
}

/** Whether a user may see an event that is no state: nothing but the circumstances decides. */
export const maySeeMessage = ({ visibility, membership, joinedLater }: VisibilityCircumstances): boolean =>
  allows(visibility, membership, joinedLater)

const allows = (visibility: HistoryVisibility, membership: Membership | undefined, joinedLater: boolean): boolean =>
  visibility === 'world_readable' ||
  membership === 'join' ||
  (visibility === 'shared' && joinedLater) ||
  (visibility === 'invited' && membership === 'invite')

const visibilityAfter = (event: RoomEvent): HistoryVisibility | undefined =>
  event.type === 'm.room.history_visibility' && event.stateKey === '' ? historyVisibilityOf(event.content) : undefined

const membershipAfter = (event: RoomEvent, userId: UserId): Membership | undefined => {
  if (event.type !== 'm.room.member' || event.stateKey !== userId) return undefined
  const membership = stringAt(event.content, 'membership')
  return MEMBERSHIPS.find((known) => known === membership)
}
