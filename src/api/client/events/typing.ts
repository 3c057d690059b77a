import Type from 'typebox'
import type { Presence, Typing } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'
import { requireOwn, roomIdOf } from '../own-user.ts'

export interface TypingDeps {
  readonly typing: Pick<Typing, 'set'>
  readonly presence: Pick<Presence, 'active'>
}

/** `typing.yaml`. */
export const typingEndpoints = ({ typing, presence }: TypingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: sinceV1('/rooms/:roomId/typing/:userId'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
    body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(Type.Integer()) }),
    handler: async ({ requester, params, body }) => {
      requireOwn(requester, params.userId)
      await typing.set(roomIdOf(params.roomId), requester.user, requester.userId, body.typing, body.timeout)
      if (body.typing) presence.active(requester.userId)
      return {}
    },
  }),
]
