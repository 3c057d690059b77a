import Type from 'typebox'
import type { UserRedaction } from '#domain'
import { type AnyEndpoint, endpoint, user } from '#http'
import { mindSuspended, roomIdOf } from '../own-user.ts'
import { Reason, reasonIn, userIdOf } from '../room-path.ts'

export interface UserRedactionDeps {
  readonly userRedaction: Pick<UserRedaction, 'run'>
}

const DEFAULT_LIMIT = 25

/** MSC4194, under its unstable name alone: moderation bots (Draupnir, Meowlnir) and gomuks ask by it. */
export const userRedactionEndpoints = ({ userRedaction }: UserRedactionDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_matrix/client/unstable/org.matrix.msc4194/rooms/:roomId/redact/user/:userId'],
    auth: user(),
    rateLimit: 'message',
    costly: true,
    params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
    query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
    body: Type.Object({ reason: Reason }),
    bodyOptional: true,
    toShadowBanned: () => ({ is_more_events: false, redacted_events: 0, soft_failed_events: 0 }),
    handler: async ({ requester, params, query: { limit = DEFAULT_LIMIT }, body }) => {
      mindSuspended(requester, params.userId === requester.userId)
      const [roomId, target] = [roomIdOf(params.roomId), userIdOf(params.userId)]
      const { redacted, isMore } = await userRedaction.run({
        ...{ roomId, sender: requester.userId, user: target, limit },
        content: reasonIn(body),
      })
      return { is_more_events: isMore, redacted_events: redacted, soft_failed_events: 0 }
    },
  }),
]
