import Type from 'typebox'
import { type AnyEndpoint, endpoint, StreamedJson, user, v3 } from '#http'
import type { Timeline } from '#views'
import { roomIdOf } from '../own-user.ts'
import { eventIdOf, readersOf } from '../room-path.ts'

export interface EventContextDeps {
  readonly timeline: Pick<Timeline, 'context' | 'mayRead'>
}

/** `event_context.yaml`. */
export const eventContextEndpoints = ({ timeline }: EventContextDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/rooms/:roomId/context/:eventId'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    allows: readersOf(timeline),
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      filter: Type.Optional(Type.String()),
    }),
    handler: async ({ requester, params, query: { limit, filter } }) => {
      const request = { roomId: roomIdOf(params.roomId), eventId: eventIdOf(params.eventId), limit, filter }
      return new StreamedJson(await timeline.context(request, requester))
    },
  }),
]
