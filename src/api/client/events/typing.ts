import Type from 'typebox'
import type { Presence, Typing } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'
import { requireOwn, roomIdOf } from '../own-user.ts'

export interface TypingDeps {
  readonly typing: Pick<Typing, 'set'>
  readonly presence: Pick<Presence, 'active'>
}

/** Clients of long ago write 1 and 0. */
const OldBoolean = Type.Unsafe<boolean | 0 | 1>({ enum: [true, false, 1, 0] })

/** `typing.yaml`. */
export const typingEndpoints = ({ typing, presence }: TypingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: sinceV1('/rooms/:roomId/typing/:userId'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
    body: Type.Object({ typing: OldBoolean, timeout: Type.Optional(Type.Integer()) }),
    toShadowBanned: () => ({}),
    handler: async ({ requester, params, body }) => {
      requireOwn(requester, params.userId)
      const types = body.typing === true || body.typing === 1
      await typing.set(roomIdOf(params.roomId), requester.user, requester.userId, types, body.timeout)
      if (types) presence.active(requester.userId)
      return {}
    },
  }),
]
