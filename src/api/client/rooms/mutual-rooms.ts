import Type from 'typebox'
import { type AnyEndpoint, endpoint, user, v1Only } from '#http'
import type { MutualRooms, MutualRoomsAnswer } from '#views'
import { userIdOf } from '../room-path.ts'

export interface MutualRoomsDeps {
  readonly mutualRooms: Pick<MutualRooms, 'page'>
}

/** `mutual_rooms.yaml`. */
export const mutualRoomsEndpoints = ({ mutualRooms }: MutualRoomsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v1Only('/mutual_rooms'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    query: Type.Object({ user_id: Type.String(), from: Type.Optional(Type.String()) }),
    handler: async ({ requester, query }): Promise<MutualRoomsAnswer> =>
      mutualRooms.page(requester.userId, userIdOf(query.user_id), query.from),
  }),
]
