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

/** MSC4446, with the name that clients of Beeper send. */
export const ALLOW_BACKWARD = {
  allow_backward: Type.Optional(Type.Boolean()),
  'com.beeper.allow_backward': Type.Optional(Type.Boolean()),
} as const

interface AllowsBackward {
  readonly allow_backward?: boolean
  readonly 'com.beeper.allow_backward'?: boolean
}

export const allowsBackward = (body: AllowsBackward): boolean =>
  body.allow_backward === true || body['com.beeper.allow_backward'] === true

/** `receipts.yaml`. In the document of 2015 `m.read` is called `read` in the path, and the body is passed on. */
export const receiptsEndpoints = ({ receipts, presence }: ReceiptsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/receipt/:receiptType/:eventId'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String(), receiptType: TYPE, eventId: Type.String() }),
    body: Type.Object({ thread_id: Type.Optional(Type.String({ minLength: 1 })), ...ALLOW_BACKWARD }),
    bodyOptional: true,
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ requester, params, body, path }) => {
      if (params.receiptType === 'read' && !isOldPath(path))
        throw new MatrixError('M_INVALID_PARAM', 'Unknown type of receipt')
      const { thread_id: _, ts: __, ...content } = body as JsonObject
      const allowBackward = allowsBackward(body)
      if (allowBackward && params.receiptType !== 'm.fully_read')
        throw new MatrixError('M_INVALID_PARAM', 'allow_backward is only allowed to be true for m.fully_read')
      const said = isOldPath(path) ? { content } : {}
      const moved = { [MOVES[params.receiptType]]: params.eventId, threadId: body.thread_id, allowBackward, ...said }
      await receipts.move(roomIdOf(params.roomId), requester, moved)
      presence.active(requester.userId)
      return {}
    },
  }),
]
