import Type, { type Static } from 'typebox'
import type { Redacting, Sending, ShadowIds, Transaction } from '#domain'
import { type AnyEndpoint, endpoint, type Requester, sinceV1, user } from '#http'
import type { EventId, RoomId } from '#spec'
import { mindSuspended, roomIdOf } from '../own-user.ts'
import { eventIdOf, Reason, reasonIn, type SentEvent, transactionOf } from '../room-path.ts'

export interface RedactionDeps {
  readonly sending: Pick<Sending, 'isOf'>
  readonly redacting: Pick<Redacting, 'redact'>
  readonly shadowIds: ShadowIds
  readonly newSecret: () => string
}

/** A suspended user may take back what they said themselves. Throws `M_USER_SUSPENDED`. */
export const mindSuspendedRedaction = async (
  sending: Pick<Sending, 'isOf'>,
  requester: Requester,
  target: EventId,
): Promise<void> => {
  if (requester.suspended) mindSuspended(requester, await sending.isOf(requester.userId, target))
}

const RelTypes = Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 100 }))

const Body = Type.Object({
  reason: Reason,
  // MSC3912, redactions of what relates to the event: matrix-js-sdk sends the second name.
  with_rel_types: RelTypes,
  'org.matrix.msc3912.with_relations': RelTypes,
})

/** `redaction.yaml`, and `POST` without a transaction id, which was in the specification until 2015 and is still used. */
export const redactionEndpoints = (deps: RedactionDeps): readonly AnyEndpoint[] => {
  const { sending, redacting, shadowIds, newSecret } = deps
  const redact = async (
    requester: Requester,
    place: { readonly roomId: RoomId; readonly target: EventId; readonly transaction: Transaction | undefined },
    body: Static<typeof Body>,
  ): Promise<SentEvent> => {
    await mindSuspendedRedaction(sending, requester, place.target)
    const relTypes = body.with_rel_types ?? body['org.matrix.msc3912.with_relations'] ?? []
    const redaction = { ...place, content: reasonIn(body), relTypes, ownAlone: requester.suspended }
    return { event_id: await redacting.redact(requester.userId, redaction) }
  }
  return [
    endpoint({
      method: 'POST',
      paths: sinceV1('/rooms/:roomId/redact/:eventId'),
      auth: user(),
      rateLimit: 'message',
      params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
      body: Body,
      bodyOptional: true,
      toShadowBanned: () => ({ event_id: shadowIds.eventId(newSecret()) }),
      handler: ({ requester, params, body }) => {
        const place = { roomId: roomIdOf(params.roomId), target: eventIdOf(params.eventId), transaction: undefined }
        return redact(requester, place, body)
      },
    }),
    endpoint({
      method: 'PUT',
      paths: sinceV1('/rooms/:roomId/redact/:eventId/:txnId'),
      auth: user(),
      rateLimit: 'message',
      params: Type.Object({ roomId: Type.String(), eventId: Type.String(), txnId: Type.String({ maxLength: 255 }) }),
      body: Body,
      bodyOptional: true,
      toShadowBanned: ({ requester, params: { roomId, eventId, txnId } }) => ({
        event_id: shadowIds.eventId(String(requester.device), roomId, eventId, txnId),
      }),
      handler: ({ requester, params, body }) => {
        const [roomId, target] = [roomIdOf(params.roomId), eventIdOf(params.eventId)]
        const transaction = transactionOf(requester, ['redact', roomId, target], params.txnId)
        return redact(requester, { roomId, target, transaction }, body)
      },
    }),
  ]
}
