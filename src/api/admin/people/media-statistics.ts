import { Type } from 'typebox'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import type { People } from '#views'
import { PAGE_QUERY, pageOf } from '../paging.ts'

export interface MediaStatisticsDeps {
  readonly peopleView: People
}

const Time = Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

/** How much each user has uploaded. */
export const mediaStatisticsEndpoints = ({ peopleView }: MediaStatisticsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/statistics/users/media'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    query: Type.Object({
      ...PAGE_QUERY,
      order_by: Type.Optional(Type.Enum(['user_id', 'displayname', 'media_length', 'media_count'])),
      from_ts: Time,
      until_ts: Time,
      search_term: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    }),
    handler: async ({ query }): Promise<JsonObject> => {
      const { from_ts: sinceMs = 0, until_ts: untilMs = Number.MAX_SAFE_INTEGER } = query
      if (untilMs < sinceMs) throw new MatrixError('M_INVALID_PARAM', 'until_ts is before from_ts')
      const { from: offset, limit, descending } = pageOf(query)
      const { rows, total } = await peopleView.mediaUse({
        ...{ order: query.order_by ?? 'user_id', descending, offset, limit, sinceMs, untilMs },
        named: query.search_term,
      })
      const end = offset + rows.length
      return {
        users: rows.map(({ userId, displayName, count, sizeBytes }) => ({
          user_id: userId,
          displayname: displayName ?? null,
          media_count: count,
          media_length: sizeBytes,
        })),
        total,
        ...(end < total && rows.length > 0 ? { next_token: end } : {}),
      }
    },
  }),
]
