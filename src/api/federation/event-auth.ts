import Type from 'typebox'
import { type AnyEndpoint, endpoint, StreamedJson, server } from '#http'
import type { ServedState } from '#views'
import { roomIdOf } from '../client/own-user.ts'
import { eventIdOf } from '../client/room-path.ts'

export interface EventAuthDeps {
  readonly servedState: Pick<ServedState, 'authChain'>
}

/** `event_auth.yaml`. */
export const eventAuthEndpoints = ({ servedState }: EventAuthDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/event_auth/:roomId/:eventId'],
    auth: server(),
    rateLimit: 'read',
    costly: true,
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    handler: async ({ requester, params }) =>
      new StreamedJson(
        await servedState.authChain(roomIdOf(params.roomId), eventIdOf(params.eventId), requester.serverName),
      ),
  }),
]
