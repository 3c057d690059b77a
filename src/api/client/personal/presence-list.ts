import Type from 'typebox'
import type { Presence } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, RawJson, sinceV1, user } from '#http'
import type { PresenceProfiles } from '#views'
import { requireOwn } from '../own-user.ts'
import { userIdOf } from '../room-path.ts'

/** Limit of users in one request, which is the limit of a list. */
const MAX_NAMED = 1_000
const USER = Type.Object({ userId: Type.String() })
const UserIds = Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: MAX_NAMED }))

export interface PresenceListDeps {
  readonly presence: Pick<Presence, 'list' | 'changeList'>
  readonly presenceProfiles: Pick<PresenceProfiles, 'texts'>
}

/** Presence lists of the document of 2015 ("Presence", `/presence/list/{userId}`), in the specification until `r0`. Users reach their own list only. */
export const presenceListEndpoints = ({ presence, presenceProfiles }: PresenceListDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/presence/list/:userId'),
    auth: user(),
    rateLimit: 'other',
    params: USER,
    body: Type.Object({ invite: UserIds, drop: UserIds }),
    handler: async ({ requester, params, body }) => {
      requireOwn(requester, params.userId)
      await presence.changeList(requester, {
        invite: (body.invite ?? []).map(userIdOf),
        drop: (body.drop ?? []).map(userIdOf),
      })
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: sinceV1('/presence/list/:userId'),
    auth: user(),
    rateLimit: 'read',
    params: USER,
    handler: async ({ requester, params, path }) => {
      requireOwn(requester, params.userId)
      const entries = await presence.list(requester)
      return new RawJson(`[${await presenceProfiles.texts(entries, isOldPath(path))}]`)
    },
  }),
]
