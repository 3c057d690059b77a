import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, v3 } from '#http'
import type { Timeline } from '#views'
import { roomIdOf } from './own-user.ts'
import { RoomIdPath } from './room-path.ts'

export interface MessagePaginationDeps {
  readonly timeline: Pick<Timeline, 'messages'>
}

/** `message_pagination.yaml`. */
export const messagePaginationEndpoints = ({ timeline }: MessagePaginationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/rooms/:roomId/messages'),
    auth: 'guest',
    rateLimit: 'read',
    params: RoomIdPath,
    query: Type.Object({
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      dir: Type.Enum(['b', 'f']),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      filter: Type.Optional(Type.String()),
    }),
    handler: async ({ requester, params, query: { from, to, dir, limit, filter } }) => {
      const direction = dir === 'b' ? 'backward' : 'forward'
      const request = { roomId: roomIdOf(params.roomId), direction, from, to, limit, filter } as const
      return new RawJson(await timeline.messages(request, requester))
    },
  }),
]
