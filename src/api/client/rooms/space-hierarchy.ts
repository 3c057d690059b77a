import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, user, v1Only } from '#http'
import type { Hierarchy } from '#views'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath } from '../room-path.ts'

export interface SpaceHierarchyDeps {
  readonly hierarchy: Pick<Hierarchy, 'page'>
}

/** `space_hierarchy.yaml`. */
export const spaceHierarchyEndpoints = ({ hierarchy }: SpaceHierarchyDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v1Only('/rooms/:roomId/hierarchy'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    query: Type.Object({
      suggested_only: Type.Optional(Type.Boolean()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      max_depth: Type.Optional(Type.Integer({ minimum: 0 })),
      from: Type.Optional(Type.String()),
    }),
    handler: async ({ requester, params, query }) => {
      const { suggested_only: suggestedOnly = false, limit, max_depth: maxDepth, from } = query
      const request = { roomId: roomIdOf(params.roomId), suggestedOnly, limit, maxDepth, from }
      return new RawJson(await hierarchy.page(request, requester.userId))
    },
  }),
]
