import Type from 'typebox'
import type { Presence } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1 } from '#http'
import { MatrixError, parseUserId } from '#spec'
import { requireOwn } from './own-user.ts'

export interface PresenceDeps {
  readonly presence: Pick<Presence, 'set' | 'status'>
}

/** It goes to everybody who shares a room, again and again. */
const MAX_STATUS_LENGTH = 1_000

const USER = Type.Object({ userId: Type.String() })

/** `presence.yaml`. */
export const presenceEndpoints = ({ presence }: PresenceDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: sinceV1('/presence/:userId/status'),
    auth: 'user',
    rateLimit: 'other',
    params: USER,
    body: Type.Object({
      presence: Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
      // Clients clear their status with null.
      status_msg: Type.Optional(Type.Union([Type.String({ maxLength: MAX_STATUS_LENGTH }), Type.Null()])),
    }),
    handler: async ({ requester, params, body }) => {
      requireOwn(requester, params.userId)
      const statusMsg = body.status_msg ?? undefined
      if (statusMsg?.includes('\0') || statusMsg?.isWellFormed() === false) {
        throw new MatrixError('M_BAD_JSON', 'status_msg cannot be stored')
      }
      await presence.set(requester, body.presence, statusMsg === '' ? undefined : statusMsg)
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: sinceV1('/presence/:userId/status'),
    auth: 'user',
    rateLimit: 'read',
    params: USER,
    handler: async ({ requester, params }) => {
      const userId = parseUserId(params.userId)
      if (userId === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a user id')
      return presence.status(requester.userId, userId)
    },
  }),
]
