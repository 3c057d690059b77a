import Type from 'typebox'
import type { Sending } from '#domain'
import { type AnyEndpoint, endpoint, type Requester, sinceV1, user } from '#http'
import type { EventId } from '#spec'
import { mindSuspended, roomIdOf } from '../own-user.ts'
import { eventIdOf, Reason, reasonIn, type SentEvent, transactionOf } from '../room-path.ts'

export interface RedactionDeps {
  readonly sending: Pick<Sending, 'redact' | 'isOf'>
}

/** A suspended user may take back what they said themselves. Throws `M_USER_SUSPENDED`. */
export const mindSuspendedRedaction = async (
  sending: Pick<Sending, 'isOf'>,
  requester: Requester,
  target: EventId,
): Promise<void> => {
  if (requester.suspended) mindSuspended(requester, await sending.isOf(requester.userId, target))
}

/** `redaction.yaml`, and `POST` without a transaction id, which was in the specification until 2015 and is still used. */
export const redactionEndpoints = ({ sending }: RedactionDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/redact/:eventId'),
    auth: user(),
    rateLimit: 'message',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    body: Type.Object({ reason: Reason }),
    bodyOptional: true,
    handler: async ({ requester, params, body }): Promise<SentEvent> => {
      const [roomId, target] = [roomIdOf(params.roomId), eventIdOf(params.eventId)]
      await mindSuspendedRedaction(sending, requester, target)
      return { event_id: await sending.redact(roomId, requester.userId, target, reasonIn(body), undefined) }
    },
  }),
  endpoint({
    method: 'PUT',
    paths: sinceV1('/rooms/:roomId/redact/:eventId/:txnId'),
    auth: user(),
    rateLimit: 'message',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String(), txnId: Type.String({ maxLength: 255 }) }),
    body: Type.Object({ reason: Reason }),
    bodyOptional: true,
    handler: async ({ requester, params, body }): Promise<SentEvent> => {
      const roomId = roomIdOf(params.roomId)
      const target = eventIdOf(params.eventId)
      await mindSuspendedRedaction(sending, requester, target)
      const transaction = transactionOf(requester, ['redact', roomId, target], params.txnId)
      return { event_id: await sending.redact(roomId, requester.userId, target, reasonIn(body), transaction) }
    },
  }),
]
