import Type from 'typebox'
import type { Tags } from '#domain'
import { type AnyEndpoint, endpoint, sinceV2, user } from '#http'
import type { JsonObject } from '#spec'
import { AnyObject, requireOwn, roomIdOf } from '../own-user.ts'

export interface TagsDeps {
  readonly tags: Pick<Tags, 'list' | 'set' | 'remove'>
}

const ROOM = Type.Object({ userId: Type.String(), roomId: Type.String() })
const TAG = Type.Object({ userId: Type.String(), roomId: Type.String(), tag: Type.String() })
const TAG_PATHS = sinceV2('/user/:userId/rooms/:roomId/tags/:tag')

/** `tags.yaml`. */
export const tagsEndpoints = ({ tags }: TagsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV2('/user/:userId/rooms/:roomId/tags'),
    auth: user(),
    rateLimit: 'read',
    params: ROOM,
    handler: async ({ requester, params }): Promise<{ tags: JsonObject }> => {
      requireOwn(requester, params.userId)
      return { tags: await tags.list(requester.user, roomIdOf(params.roomId)) }
    },
  }),
  endpoint({
    method: 'PUT',
    paths: TAG_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: TAG,
    body: AnyObject,
    handler: async ({ requester, params, body }) => {
      requireOwn(requester, params.userId)
      await tags.set(requester.user, roomIdOf(params.roomId), params.tag, body)
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: TAG_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: TAG,
    handler: async ({ requester, params }) => {
      requireOwn(requester, params.userId)
      await tags.remove(requester.user, roomIdOf(params.roomId), params.tag)
      return {}
    },
  }),
]
