import Type from 'typebox'
import { type AnyEndpoint, endpoint, user, v1Only } from '#http'
import type { MutualRooms, MutualRoomsAnswer } from '#views'
import { userIdOf } from '../room-path.ts'

export interface MutualRoomsDeps {
  readonly mutualRooms: Pick<MutualRooms, 'page'>
}

type MutualRoomsOfProposal = Pick<MutualRoomsAnswer, 'joined'> & { readonly next_batch_token?: string }

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
  // matrix-js-sdk (Element Web) asks under this name, with the name of the token that the proposal (MSC2666) had then.
  endpoint({
    method: 'GET',
    paths: ['/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms'],
    auth: user(),
    rateLimit: 'read',
    costly: true,
    query: Type.Object({ user_id: Type.String(), batch_token: Type.Optional(Type.String()) }),
    handler: async ({ requester, query }): Promise<MutualRoomsOfProposal> => {
      const page = await mutualRooms.page(requester.userId, userIdOf(query.user_id), query.batch_token)
      return {
        joined: page.joined,
        ...(page.next_batch === undefined ? {} : { next_batch_token: page.next_batch }),
      }
    },
  }),
]
