import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, user, v3 } from '#http'
import type { Notifications } from '#views'

export interface NotificationsDeps {
  readonly notifications: Pick<Notifications, 'page'>
}

/** `notifications.yaml`. */
export const notificationsEndpoints = ({ notifications }: NotificationsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/notifications'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    query: Type.Object({
      from: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      only: Type.Optional(Type.String()),
    }),
    handler: async ({ requester, query: { from, limit, only } }) =>
      new RawJson(await notifications.page({ from, limit, highlightsOnly: only === 'highlight' }, requester)),
  }),
]
