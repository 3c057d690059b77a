import Type from 'typebox'
import type { Presence, Receipts } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, sinceV1, user } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { roomIdOf } from '../own-user.ts'

export interface ReceiptsDeps {
  readonly receipts: Pick<Receipts, 'move'>
  readonly presence: Pick<Presence, 'active'>
}

const TYPE = Type.Enum(['m.read', 'm.read.private', 'm.fully_read', 'read'])
/** The members of `ReadUpTo` that each type of receipt moves. */
const MOVES = { 'm.read': 'read', 'm.read.private': 'readPrivate', 'm.fully_read': 'fullyRead', read: 'read' } as const

/** `receipts.yaml`. In the document of 2015 `m.read` is called `read` in the path, and the body is passed on. */
export const receiptsEndpoints = ({ receipts, presence }: ReceiptsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/receipt/:receiptType/:eventId'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String(), receiptType: TYPE, eventId: Type.String() }),
    body: Type.Object({ thread_id: Type.Optional(Type.String({ minLength: 1 })) }),
    bodyOptional: true,
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ requester, params, body, path }) => {
      if (params.receiptType === 'read' && !isOldPath(path))
        throw new MatrixError('M_INVALID_PARAM', 'Unknown type of receipt')
      const { thread_id: _, ts: __, ...content } = body as JsonObject
      const said = isOldPath(path) ? { content } : {}
      const moved = { [MOVES[params.receiptType]]: params.eventId, threadId: body.thread_id, ...said }
      await receipts.move(roomIdOf(params.roomId), requester, moved)
      presence.active(requester.userId)
      return {}
    },
  }),
]
