import { Type } from 'typebox'
import type { AdministerMedia } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { MatrixError, parseServerName } from '#spec'
import { roomIdOf } from '../../client/own-user.ts'
import { userIdOf } from '../../client/room-path.ts'
import { actorOf } from '../actor.ts'

export interface MediaDeedsDeps {
  readonly deeds: AdministerMedia
}

const BASE = '/_synapse/admin/v1'
const MediaPath = Type.Object({ server: Type.String({ maxLength: 255 }), mediaId: Type.String({ maxLength: 255 }) })
const OwnMediaPath = Type.Object({ mediaId: Type.String({ maxLength: 255 }) })
const Time = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const named = ({ server: text, mediaId }: { readonly server: string; readonly mediaId: string }) => {
  const server = parseServerName(text)
  if (server === undefined || !/^[A-Za-z0-9_-]+$/.test(mediaId)) throw new MatrixError('M_INVALID_PARAM', 'Not a media')
  return { server, mediaId }
}

/** Deeds with media. */
export const mediaDeedsEndpoints = ({ deeds }: MediaDeedsDeps): readonly AnyEndpoint[] => [
  ...singleEndpoints(deeds),
  ...manyEndpoints(deeds),
  ...deletionEndpoints(deeds),
]

const singleEndpoints = (deeds: AdministerMedia): readonly AnyEndpoint[] => [
  ...(['quarantine', 'unquarantine'] as const).map((deed) =>
    endpoint({
      method: 'POST',
      paths: [`${BASE}/media/${deed}/:server/:mediaId`],
      auth: admin(),
      rateLimit: 'other',
      params: MediaPath,
      handler: async ({ requester, params }) => {
        await deeds[deed](named(params), actorOf(requester))
        return {}
      },
    }),
  ),
  ...(['protect', 'unprotect'] as const).map((deed) =>
    endpoint({
      method: 'POST',
      paths: [`${BASE}/media/${deed}/:mediaId`],
      auth: admin(),
      rateLimit: 'other',
      params: OwnMediaPath,
      handler: async ({ requester, params }) => {
        await deeds.setProtected(params.mediaId, deed === 'protect', actorOf(requester))
        return {}
      },
    }),
  ),
]

const manyEndpoints = (deeds: AdministerMedia): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    // The second path is from before there were others.
    paths: [`${BASE}/room/:roomId/media/quarantine`, `${BASE}/quarantine_media/:roomId`],
    auth: admin(),
    rateLimit: 'other',
    costly: true,
    params: Type.Object({ roomId: Type.String({ maxLength: 300 }) }),
    handler: async ({ requester, params, signal }) =>
      deeds.resultOf(await deeds.quarantineRoom(roomIdOf(params.roomId), actorOf(requester)), signal),
  }),
  endpoint({
    method: 'POST',
    paths: [`${BASE}/user/:userId/media/quarantine`],
    auth: admin(),
    rateLimit: 'other',
    costly: true,
    params: Type.Object({ userId: Type.String({ maxLength: 1_024 }) }),
    handler: async ({ requester, params, signal }) =>
      deeds.resultOf(await deeds.quarantineUser(userIdOf(params.userId), actorOf(requester)), signal),
  }),
]

const deletionEndpoints = (deeds: AdministerMedia): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: [`${BASE}/media/delete`, `${BASE}/media/:server/delete`],
    auth: admin(),
    rateLimit: 'other',
    costly: true,
    query: Type.Object({
      before_ts: Time,
      size_gt: Type.Optional(Time),
      keep_profiles: Type.Optional(Type.Boolean()),
    }),
    handler: async ({ requester, query, signal }) => {
      const { before_ts, size_gt = 0, keep_profiles = true } = query
      const wish = { before_ms: before_ts, size_gt, keep_profiles }
      return deeds.resultOf(await deeds.deleteOld(wish, actorOf(requester)), signal)
    },
  }),
  endpoint({
    method: 'POST',
    paths: [`${BASE}/purge_media_cache`],
    auth: admin(),
    rateLimit: 'other',
    costly: true,
    query: Type.Object({ before_ts: Time }),
    handler: async ({ requester, query, signal }) =>
      deeds.resultOf(await deeds.purgeCache(query.before_ts, actorOf(requester)), signal),
  }),
]
