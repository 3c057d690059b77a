import Type from 'typebox'
import type { ServeTemplates, TakeHandshakes, ToldRoomState } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import { AnyObject, roomIdOf } from '../client/own-user.ts'
import { userIdOf } from '../client/room-path.ts'
import { originOf, SendPath, templateText } from './joins.ts'

export interface KnocksDeps {
  readonly serveTemplates: Pick<ServeTemplates, 'make'>
  readonly takeHandshakes: Pick<TakeHandshakes, 'take'>
  readonly toldRoomState: Pick<ToldRoomState, 'pdus'>
}

/** `knocks.yaml`. */
export const knocksEndpoints = ({
  serveTemplates,
  takeHandshakes,
  toldRoomState,
}: KnocksDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/make_knock/:roomId/:userId'],
    auth: server(),
    rateLimit: 'join',
    params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
    query: Type.Object({ ver: Type.Optional(Type.Array(Type.String(), { maxItems: 200 })) }),
    handler: async ({ requester, params, query: { ver: versions = ['1'] } }) =>
      templateText(
        await serveTemplates.make({
          ...{ membership: 'knock', versions, origin: originOf(requester) },
          roomId: roomIdOf(params.roomId),
          userId: userIdOf(params.userId),
        }),
      ),
  }),
  endpoint({
    method: 'PUT',
    paths: ['/_matrix/federation/v1/send_knock/:roomId/:eventId'],
    auth: server(),
    rateLimit: 'join',
    params: SendPath,
    body: AnyObject,
    handler: async ({ requester, params: { roomId, eventId }, body: pdu }) => {
      const origin = originOf(requester)
      const { record } = await takeHandshakes.take({
        ...{ membership: 'knock', roomId: roomIdOf(roomId), eventId, pdu, origin },
      })
      return new RawJson(`{"knock_room_state":[${(await toldRoomState.pdus(record.room)).join()}]}`)
    },
  }),
]
