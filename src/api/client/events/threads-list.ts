import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, user, v1Only } from '#http'
import type { Threads, Timeline } from '#views'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath, readersOf } from '../room-path.ts'

export interface ThreadsListDeps {
  readonly threads: Pick<Threads, 'page'>
  readonly timeline: Pick<Timeline, 'mayRead'>
}

/** `threads_list.yaml`. */
export const threadsListEndpoints = ({ threads, timeline }: ThreadsListDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v1Only('/rooms/:roomId/threads'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    allows: readersOf(timeline),
    query: Type.Object({
      include: Type.Optional(Type.Enum(['all', 'participated'])),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      from: Type.Optional(Type.String()),
    }),
    handler: async ({ requester, params, query: { include = 'all', limit, from } }) =>
      new RawJson(await threads.page({ roomId: roomIdOf(params.roomId), include, limit, from }, requester)),
  }),
]
