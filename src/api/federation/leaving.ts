import Type from 'typebox'
import type { ServeTemplates, TakeHandshakes } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import { AnyObject, roomIdOf } from '../client/own-user.ts'
import { userIdOf } from '../client/room-path.ts'
import { originOf, SendPath, templateText } from './joins.ts'

export interface LeavingOverFederationDeps {
  readonly serveTemplates: Pick<ServeTemplates, 'make'>
  readonly takeHandshakes: Pick<TakeHandshakes, 'take'>
}

/** `leaving-v1.yaml`, `leaving-v2.yaml`. */
export const leavingOverFederationEndpoints = ({
  serveTemplates,
  takeHandshakes,
}: LeavingOverFederationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/make_leave/:roomId/:userId'],
    auth: server(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
    handler: async ({ requester, params }) =>
      templateText(
        await serveTemplates.make({
          ...{ membership: 'leave', versions: undefined, origin: originOf(requester) },
          roomId: roomIdOf(params.roomId),
          userId: userIdOf(params.userId),
        }),
      ),
  }),
  ...(['v2', 'v1'] as const).map((version) =>
    endpoint({
      method: 'PUT',
      paths: [`/_matrix/federation/${version}/send_leave/:roomId/:eventId`],
      auth: server(),
      rateLimit: 'other',
      params: SendPath,
      body: AnyObject,
      handler: async ({ requester, params: { roomId, eventId }, body: pdu }) => {
        const origin = originOf(requester)
        await takeHandshakes.take({ membership: 'leave', roomId: roomIdOf(roomId), eventId, pdu, origin })
        return new RawJson(version === 'v1' ? '[200,{}]' : '{}')
      },
    }),
  ),
]
