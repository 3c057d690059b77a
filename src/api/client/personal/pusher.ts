import Type, { type Static } from 'typebox'
import type { Pushers } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'
import { type JsonObject, MatrixError } from '#spec'

export interface PusherDeps {
  readonly pushers: Pick<Pushers, 'list' | 'set' | 'remove'>
}

const BODY = Type.Object({
  kind: Type.Union([Type.String(), Type.Null()]),
  app_id: Type.String(),
  pushkey: Type.String(),
  app_display_name: Type.Optional(Type.String()),
  device_display_name: Type.Optional(Type.String()),
  // Clients that have no tag send null.
  profile_tag: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  lang: Type.Optional(Type.String()),
  data: Type.Optional(Type.Unsafe<JsonObject>({ type: 'object' })),
  append: Type.Optional(Type.Boolean()),
  // MSC3881, and MSC4076, which Element X sends within `data`.
  enabled: Type.Optional(Type.Boolean()),
  'org.matrix.msc3881.enabled': Type.Optional(Type.Boolean()),
  disable_badge_count: Type.Optional(Type.Boolean()),
  'org.matrix.msc4076.disable_badge_count': Type.Optional(Type.Boolean()),
})
const BODY_LIMIT_BYTES = 32 * 1024

type ListedPusher = {
  readonly pushkey: string
  readonly kind: 'http' | 'email'
  readonly app_id: string
  readonly app_display_name: string
  readonly device_display_name: string
  readonly profile_tag?: string
  readonly lang: string
  readonly data: JsonObject
  readonly enabled: boolean
  readonly 'org.matrix.msc3881.enabled': boolean
  readonly device_id?: string
  readonly 'org.matrix.msc3881.device_id'?: string
}

/** `pusher.yaml`. */
export const pusherEndpoints = ({ pushers }: PusherDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/pushers'),
    auth: user(),
    rateLimit: 'read',
    handler: async ({ requester }): Promise<{ pushers: readonly ListedPusher[] }> => {
      const listed = (await pushers.list(requester.user)).map(
        (pusher): ListedPusher => ({
          pushkey: pusher.pushkey,
          kind: pusher.kind,
          app_id: pusher.appId,
          app_display_name: pusher.appDisplayName,
          device_display_name: pusher.deviceDisplayName,
          ...(pusher.profileTag === undefined ? {} : { profile_tag: pusher.profileTag }),
          lang: pusher.lang,
          data: JSON.parse(pusher.dataJson) as JsonObject,
          enabled: pusher.enabled,
          'org.matrix.msc3881.enabled': pusher.enabled,
          ...(pusher.deviceId === undefined
            ? {}
            : { device_id: pusher.deviceId, 'org.matrix.msc3881.device_id': pusher.deviceId }),
        }),
      )
      return { pushers: listed }
    },
  }),
  endpoint({
    method: 'POST',
    paths: sinceV1('/pushers/set'),
    auth: user(),
    rateLimit: 'other',
    body: BODY,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ requester, body }) => {
      const { kind, app_id: appId, pushkey, app_display_name, device_display_name, lang, data } = body
      if (kind === null) {
        await pushers.remove(requester.user, appId, pushkey)
        return {}
      }
      const missing = REQUIRED.filter((name) => body[name] === undefined)
      if (missing.length > 0) throw new MatrixError('M_MISSING_PARAM', `Missing parameters: ${missing.join(', ')}`)
      await pushers.set(requester, {
        ...{ kind, appId, pushkey, profileTag: body.profile_tag ?? undefined, append: body.append === true },
        appDisplayName: app_display_name ?? '',
        deviceDisplayName: device_display_name ?? '',
        lang: lang ?? '',
        data: withBadge(data ?? {}, body),
        enabled: body.enabled ?? body['org.matrix.msc3881.enabled'] ?? true,
      })
      return {}
    },
  }),
]

/** "Required if `kind` is not `null`." */
const REQUIRED = ['app_display_name', 'device_display_name', 'lang', 'data'] as const

/** The wish for no counts, wherever it stands in the request, where gateways and clients find it. */
const withBadge = (data: JsonObject, body: Static<typeof BODY>): JsonObject => {
  const isDisabled = body.disable_badge_count ?? body['org.matrix.msc4076.disable_badge_count']
  return isDisabled === undefined ? data : { ...data, 'org.matrix.msc4076.disable_badge_count': isDisabled }
}
