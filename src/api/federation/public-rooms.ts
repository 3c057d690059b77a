import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import type { PublicRooms } from '#views'
import { publicRoomsSearch, searchedRooms } from '../client/rooms/public-rooms-search.ts'

export interface ServedPublicRoomsDeps {
  readonly publicRooms: Pick<PublicRooms, 'list'>
}

const PATHS = ['/_matrix/federation/v1/publicRooms'] as const

/** `public_rooms.yaml`. There are no bridged networks, so nothing depends on which are asked for. */
export const servedPublicRoomsEndpoints = ({ publicRooms }: ServedPublicRoomsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: PATHS,
    auth: server(),
    rateLimit: 'read',
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      since: Type.Optional(Type.String()),
      include_all_networks: Type.Optional(Type.Boolean()),
      third_party_instance_id: Type.Optional(Type.String()),
    }),
    handler: async ({ query }) => {
      if (query.third_party_instance_id) return { chunk: [], total_room_count_estimate: 0 }
      return new RawJson(await publicRooms.list(searchedRooms(query)))
    },
  }),
  endpoint({
    method: 'POST',
    paths: PATHS,
    auth: server(),
    rateLimit: 'read',
    costly: true,
    body: publicRoomsSearch,
    bodyOptional: true,
    handler: async ({ body }) => {
      if (body.third_party_instance_id) return { chunk: [], total_room_count_estimate: 0 }
      return new RawJson(await publicRooms.list(searchedRooms(body)))
    },
  }),
]
