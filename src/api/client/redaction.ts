import Type from 'typebox'
import type { Sending } from '#domain'
import { type AnyEndpoint, endpoint, v3 } from '#http'
import { roomIdOf } from './own-user.ts'
import { eventIdOf, Reason, reasonIn, transactionOf } from './room-path.ts'

export interface RedactionDeps {
  readonly sending: Pick<Sending, 'redact'>
}

/** `redaction.yaml`. */
export const redactionEndpoints = ({ sending }: RedactionDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: v3('/rooms/:roomId/redact/:eventId/:txnId'),
    auth: 'user',
    rateLimit: 'message',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String(), txnId: Type.String({ maxLength: 255 }) }),
    body: Type.Object({ reason: Reason }),
    bodyOptional: true,
    handler: async ({ requester, params, body }) => {
      const roomId = roomIdOf(params.roomId)
      const target = eventIdOf(params.eventId)
      const transaction = transactionOf(requester, ['redact', roomId, target], params.txnId)
      return { event_id: await sending.redact(roomId, requester.userId, target, reasonIn(body), transaction) }
    },
  }),
]
