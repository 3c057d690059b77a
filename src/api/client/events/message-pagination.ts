import Type from 'typebox'
import { type AnyEndpoint, endpoint, isR0Path, jsonOf, oldPaths, user, v3 } from '#http'
import { oldRange, type Timeline } from '#views'
import { viewerOf } from '../old-clients.ts'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath, readersOf } from '../room-path.ts'

export interface MessagePaginationDeps {
  readonly timeline: Pick<Timeline, 'messages' | 'mayRead'>
}

const Token = Type.Optional(Type.String())
const Limit = Type.Optional(Type.Integer({ minimum: 0 }))
const Filter = Type.Optional(Type.String())

/** `message_pagination.yaml`, and its form of 2015, where the order of the tokens gives the direction. */
export const messagePaginationEndpoints = ({ timeline }: MessagePaginationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/rooms/:roomId/messages'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    allows: readersOf(timeline),
    query: Type.Object({ from: Token, to: Token, dir: Type.Enum(['b', 'f']), limit: Limit, filter: Filter }),
    handler: async ({ requester, params, query: { from, to, dir, limit, filter }, path }) => {
      const direction = dir === 'b' ? 'backward' : 'forward'
      // Clients of the first releases went on to say `END` for the newest event.
      const words = isR0Path(path) && [from, to].some((token) => token === 'START' || token === 'END')
      const range = words
        ? oldRange({ dir, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) })
        : ({ from, to, direction } as const)
      const request = { roomId: roomIdOf(params.roomId), ...range, limit, filter }
      return jsonOf(await timeline.messages(request, requester))
    },
  }),
  endpoint({
    method: 'GET',
    paths: oldPaths('/rooms/:roomId/messages'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    allows: readersOf(timeline),
    query: Type.Object({
      from: Token,
      to: Token,
      dir: Type.Optional(Type.Enum(['b', 'f'])),
      limit: Limit,
      filter: Filter,
    }),
    handler: async ({ requester, params, query: { limit, filter, ...range }, path }) => {
      const { from, to, direction } = oldRange(range)
      // "Without a limit set" the page has the largest size.
      const limited = limit ?? (filter === undefined ? Number.MAX_SAFE_INTEGER : undefined)
      const request = { roomId: roomIdOf(params.roomId), direction, from, to, limit: limited, filter, alwaysEnds: true }
      return jsonOf(await timeline.messages(request, viewerOf(requester, path)))
    },
  }),
]
