import Type from 'typebox'
import type { DelayedEvents, SetRoomState, ShadowIds } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'
import { AnyObject, mindSuspended, roomIdOf, TIME_QUERY, timeIn } from '../own-user.ts'
import { plainText, type SentEvent } from '../room-path.ts'
import { DELAY_QUERY, type Scheduled, STICKY_QUERY, scheduleEvent } from './delayed-events.ts'

export interface RoomStateDeps {
  readonly roomState: Pick<SetRoomState, 'set'>
  readonly delayedEvents: Pick<DelayedEvents, 'schedule'>
  readonly shadowIds: ShadowIds
}

/** Paths for an empty state key end with or without a slash; the first path matches with the slash. */
export const statePaths = (): readonly [string, ...string[]] => [
  ...sinceV1('/rooms/:roomId/state/:eventType/:stateKey'),
  ...sinceV1('/rooms/:roomId/state/:eventType'),
]

export const StatePath = Type.Object({
  roomId: Type.String(),
  eventType: Type.String(),
  stateKey: Type.Optional(Type.String()),
})

/** `room_state.yaml`. */
export const roomStateEndpoints = ({ roomState, delayedEvents, shadowIds }: RoomStateDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: statePaths(),
    auth: user({ guests: true }),
    rateLimit: 'message',
    params: StatePath,
    query: Type.Object({ ...DELAY_QUERY, ...STICKY_QUERY, ...TIME_QUERY }),
    body: AnyObject,
    // Their own comings and goings are what others may see of them.
    toShadowBanned: ({ requester: { userId }, params: { roomId, eventType, stateKey = '' }, query, body }) =>
      query['org.matrix.msc4140.delay'] !== undefined || (eventType === 'm.room.member' && stateKey === userId)
        ? undefined
        : { event_id: shadowIds.eventId(userId, roomId, eventType, stateKey, JSON.stringify(body)) },
    handler: async ({ requester, params, query, body: content }): Promise<SentEvent | Scheduled> => {
      const { roomId, eventType: type, stateKey = '' } = params
      const delayMs = query['org.matrix.msc4140.delay']
      const stickyMs = query['org.matrix.msc4354.sticky_duration_ms']
      if (delayMs !== undefined) {
        const request = { delayMs, roomId, type, stateKey, content, transaction: undefined, stickyMs }
        return scheduleEvent(delayedEvents, requester, request)
      }
      const isOwnMember = params.eventType === 'm.room.member' && params.stateKey === requester.userId
      mindSuspended(requester, isOwnMember && content.membership === 'leave')
      const eventId = await roomState.set({
        roomId: roomIdOf(params.roomId),
        sender: requester.userId,
        guest: requester.kind === 'guest',
        type: plainText(params.eventType),
        stateKey: plainText(params.stateKey ?? ''),
        content,
        stickyMs,
        originServerTs: timeIn(requester, query),
      })
      return { event_id: eventId }
    },
  }),
]
