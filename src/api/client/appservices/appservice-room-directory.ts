import Type from 'typebox'
import type { NetworkListings, ServiceAccounts } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import { roomIdOf } from '../own-user.ts'

export interface AppserviceRoomDirectoryDeps {
  readonly listings: Pick<NetworkListings, 'setListed'>
  readonly serviceAccounts: Pick<ServiceAccounts, 'service'>
}

const NetworkRoomPath = Type.Object({ networkId: Type.String({ maxLength: 255 }), roomId: Type.String() })

/** `appservice_room_directory.yaml`. */
export const appserviceRoomDirectoryEndpoints = ({
  listings,
  serviceAccounts,
}: AppserviceRoomDirectoryDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: v3('/directory/list/appservice/:networkId/:roomId'),
    auth: user(),
    rateLimit: 'other',
    params: NetworkRoomPath,
    body: Type.Object({ visibility: Type.Enum(['public', 'private']) }),
    handler: async ({ requester, params, body }) => {
      const { id } = serviceAccounts.service(requester.service)
      const isListed = body.visibility === 'public'
      await listings.setListed(roomIdOf(params.roomId), { service: id, network: params.networkId }, isListed)
      return {}
    },
  }),
  // In no document, and yet what services have used since 2016, and Sytest with them.
  endpoint({
    method: 'DELETE',
    paths: v3('/directory/list/appservice/:networkId/:roomId'),
    auth: user(),
    rateLimit: 'other',
    params: NetworkRoomPath,
    handler: async ({ requester, params }) => {
      const { id } = serviceAccounts.service(requester.service)
      await listings.setListed(roomIdOf(params.roomId), { service: id, network: params.networkId }, false)
      return {}
    },
  }),
]
