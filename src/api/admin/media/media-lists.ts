import { Type } from 'typebox'
import type { AdministerMedia } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError, parseServerName, type UserId } from '#spec'
import { type AdminMedia, MEDIA_LIST_ORDERS, ownMediaJson } from '#views'
import { roomIdOf } from '../../client/own-user.ts'
import { userIdOf } from '../../client/room-path.ts'
import { actorOf } from '../actor.ts'
import { nextToken, PAGE_QUERY, pageOf } from '../paging.ts'

export interface MediaListsDeps {
  readonly media: Pick<AdminMedia, 'page' | 'info' | 'ofRoom'>
  readonly deeds: Pick<AdministerMedia, 'delete'>
  /** The number of a user who has an account here; undefined: there is none. */
  numberOf(userId: UserId): Promise<number | undefined>
  readonly serverName: string
}

const MediaQuery = Type.Object({ ...PAGE_QUERY, order_by: Type.Optional(Type.Enum([...MEDIA_LIST_ORDERS])) })
const MediaPath = Type.Object({ server: Type.String({ maxLength: 255 }), mediaId: Type.String({ maxLength: 255 }) })
const UserPath = Type.Object({ userId: Type.String({ maxLength: 1_024 }) })

type Deleted = { readonly deleted_media: readonly string[]; readonly total: number }

/** Media in lists and one by one. */
export const mediaListEndpoints = (deps: MediaListsDeps): readonly AnyEndpoint[] => [
  ...userMediaEndpoints(deps),
  ...singleMediaEndpoints(deps),
]

const userMediaEndpoints = ({ media, deeds, numberOf }: MediaListsDeps): readonly AnyEndpoint[] => {
  const pageFor = async (userId: string, query: Type.Static<typeof MediaQuery>) => {
    const user = await numberOf(userIdOf(userId))
    if (user === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown user')
    const { from: offset, limit } = pageOf(query)
    const { order_by: order, dir } = query
    const isNewestFirst = order === undefined && dir === undefined
    const direction = isNewestFirst || dir === 'b' ? 'descending' : 'ascending'
    return { offset, ...(await media.page({ user, offset, limit, order: order ?? 'created_ts', direction })) }
  }
  return [
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/users/:userId/media'],
      auth: admin(),
      rateLimit: 'read',
      params: UserPath,
      query: MediaQuery,
      handler: async ({ params, query }): Promise<JsonObject> => {
        const { media: found, total, offset } = await pageFor(params.userId, query)
        return { media: found.map(ownMediaJson), total, ...nextToken(offset, found.length, total) }
      },
    }),
    endpoint({
      method: 'DELETE',
      paths: ['/_synapse/admin/v1/users/:userId/media'],
      auth: admin(),
      rateLimit: 'other',
      costly: true,
      params: UserPath,
      query: MediaQuery,
      handler: async ({ requester, params, query }): Promise<Deleted> => {
        const { media: found } = await pageFor(params.userId, query)
        const ids = found.map(({ mediaId }) => mediaId)
        const deleted = await deeds.delete(ids, actorOf(requester))
        return { deleted_media: deleted, total: deleted.length }
      },
    }),
  ]
}

const singleMediaEndpoints = ({ media, deeds, serverName }: MediaListsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/room/:roomId/media'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: Type.Object({ roomId: Type.String({ maxLength: 300 }) }),
    handler: async ({ params }): Promise<{ local: readonly string[]; remote: readonly string[] }> => {
      const found = await media.ofRoom(roomIdOf(params.roomId))
      if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found')
      return found
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/media/:server/:mediaId'],
    auth: admin(),
    rateLimit: 'read',
    params: MediaPath,
    handler: async ({ params }): Promise<{ media_info: JsonObject }> => {
      const server = parseServerName(params.server)
      const info = server === undefined ? undefined : await media.info({ server, mediaId: params.mediaId })
      if (info === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown media')
      return { media_info: info }
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: ['/_synapse/admin/v1/media/:server/:mediaId'],
    auth: admin(),
    rateLimit: 'other',
    params: MediaPath,
    handler: async ({ requester, params }): Promise<Deleted> => {
      if (params.server !== serverName)
        throw new MatrixError('M_UNKNOWN', 'Only media of this server can be deleted', { status: 400 })
      const deleted = await deeds.delete([params.mediaId], actorOf(requester))
      if (deleted.length === 0) throw new MatrixError('M_NOT_FOUND', 'Unknown media')
      return { deleted_media: deleted, total: deleted.length }
    },
  }),
]
