import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import type { RoomId } from '#spec'
import type { RoomStates } from '#views'

export interface ListJoinedRoomsDeps {
  readonly roomStates: Pick<RoomStates, 'joinedRooms'>
}

/** `list_joined_rooms.yaml`. */
export const listJoinedRoomsEndpoints = ({ roomStates }: ListJoinedRoomsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/joined_rooms'),
    auth: user(),
    rateLimit: 'read',
    handler: async ({ requester }): Promise<{ joined_rooms: readonly RoomId[] }> => ({
      joined_rooms: await roomStates.joinedRooms(requester.userId),
    }),
  }),
]
