import Type from 'typebox'
import type { Presence, Receipts } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1 } from '#http'
import { roomIdOf } from './own-user.ts'

export interface ReceiptsDeps {
  readonly receipts: Pick<Receipts, 'move'>
  readonly presence: Pick<Presence, 'active'>
}

const TYPE = Type.Union([Type.Literal('m.read'), Type.Literal('m.read.private'), Type.Literal('m.fully_read')])
/** What of `ReadUpTo` each type of receipt moves. */
const MOVES = { 'm.read': 'read', 'm.read.private': 'readPrivate', 'm.fully_read': 'fullyRead' } as const

/** `receipts.yaml`. */
export const receiptsEndpoints = ({ receipts, presence }: ReceiptsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/receipt/:receiptType/:eventId'),
    auth: 'user',
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String(), receiptType: TYPE, eventId: Type.String() }),
    body: Type.Object({ thread_id: Type.Optional(Type.String({ minLength: 1 })) }),
    bodyOptional: true,
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ requester, params, body }) => {
      const moved = { [MOVES[params.receiptType]]: params.eventId, threadId: body.thread_id }
      await receipts.move(roomIdOf(params.roomId), requester, moved)
      presence.active(requester.userId)
      return {}
    },
  }),
]
