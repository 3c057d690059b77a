import Type from 'typebox'
import type { Presence, Receipts } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import { roomIdOf } from '../own-user.ts'
import { ALLOW_BACKWARD, allowsBackward } from './receipts.ts'

export interface ReadMarkersDeps {
  readonly receipts: Pick<Receipts, 'move'>
  readonly presence: Pick<Presence, 'active'>
}

/** `read_markers.yaml`. */
export const readMarkersEndpoints = ({ receipts, presence }: ReadMarkersDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/rooms/:roomId/read_markers'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      'm.fully_read': Type.Optional(Type.String()),
      'm.read': Type.Optional(Type.String()),
      'm.read.private': Type.Optional(Type.String()),
      ...ALLOW_BACKWARD,
    }),
    handler: async ({ requester, params, body }) => {
      await receipts.move(roomIdOf(params.roomId), requester, {
        fullyRead: body['m.fully_read'],
        read: body['m.read'],
        readPrivate: body['m.read.private'],
        allowBackward: allowsBackward(body),
      })
      presence.active(requester.userId)
      return {}
    },
  }),
]
