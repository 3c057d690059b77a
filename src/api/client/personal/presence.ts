import Type from 'typebox'
import type { Presence } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, sinceV1, user } from '#http'
import { MatrixError } from '#spec'
import { type PresenceProfiles, presenceContent } from '#views'
import { requireOwn } from '../own-user.ts'
import { userIdOf } from '../room-path.ts'
import { presenceListEndpoints } from './presence-list.ts'

export interface PresenceDeps {
  readonly presence: Pick<Presence, 'set' | 'status' | 'list' | 'changeList'>
  readonly presenceProfiles: Pick<PresenceProfiles, 'texts'>
}

/** Limited, as every status goes to everybody who shares a room. */
const MAX_STATUS_LENGTH = 1_000

const USER = Type.Object({ userId: Type.String() })

/** `presence.yaml`. */
export const presenceEndpoints = ({ presence, presenceProfiles }: PresenceDeps): readonly AnyEndpoint[] => [
  ...presenceListEndpoints({ presence, presenceProfiles }),
  endpoint({
    method: 'PUT',
    paths: sinceV1('/presence/:userId/status'),
    auth: user(),
    rateLimit: 'other',
    params: USER,
    body: Type.Object({
      presence: Type.Enum(['online', 'offline', 'unavailable', 'free_for_chat']),
      // Clients clear their status with null.
      status_msg: Type.Optional(Type.Union([Type.String({ maxLength: MAX_STATUS_LENGTH }), Type.Null()])),
    }),
    handler: async ({ requester, params, body, path }) => {
      requireOwn(requester, params.userId)
      if (body.presence === 'free_for_chat' && !isOldPath(path))
        throw new MatrixError('M_BAD_JSON', 'presence must be online, offline or unavailable')
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
    auth: user(),
    rateLimit: 'read',
    params: USER,
    handler: async ({ requester, params, path }) => {
      return presenceContent(await presence.status(requester, userIdOf(params.userId)), isOldPath(path))
    },
  }),
]
