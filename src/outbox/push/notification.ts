import { isJsonObject, type JsonObject } from '#spec'
import type { PusherRecord } from '#store'
import type { Notice } from './push-views.ts'

/** The gateway's URL, and the part of `data` that goes to it with each request. */
export interface PusherTarget {
  readonly url: string
  readonly data: JsonObject
}

/** undefined for data without `url`, and for pushers of another kind. */
export const targetOf = ({ kind, dataJson }: Pick<PusherRecord, 'kind' | 'dataJson'>): PusherTarget | undefined => {
  // The URLs of others were not checked.
  if (kind !== 'http') return undefined
  const parsed: unknown = JSON.parse(dataJson)
  if (!isJsonObject(parsed)) return undefined
  const { url, ...data } = parsed
  return typeof url === 'string' ? { url, data } : undefined
}

/** Signs that a notification is worth waking a device for. Nobody here can tell of an encrypted event. */
const isUrgent = ({ tweaks, type }: Notice): boolean =>
  tweaks.highlight === true || tweaks.sound !== undefined || type === 'm.room.encrypted'

/** Whether the app leaves its badge to the server: one that reads encrypted messages knows better (MSC4076). */
export const tellsCounts = (data: JsonObject): boolean =>
  data.disable_badge_count !== true && data['org.matrix.msc4076.disable_badge_count'] !== true

/** The body of `POST /_matrix/push/v1/notify` (push gateway API); without a notice it only brings the counts up to date. */
export const notificationText = (
  pusher: Pick<PusherRecord, 'appId' | 'pushkey' | 'setAtMs'>,
  data: JsonObject,
  notice: Notice | undefined,
  unread: number,
): string => {
  const device = {
    app_id: pusher.appId,
    pushkey: pusher.pushkey,
    pushkey_ts: Math.floor(pusher.setAtMs / 1_000),
    data,
    ...(notice === undefined ? {} : { tweaks: notice.tweaks }),
  }
  // A count of zero "should be omitted", but gateways clear the badge only if they get one.
  const counts = tellsCounts(data) ? { counts: { unread } } : {}
  const about = notice === undefined ? {} : data.format === 'event_id_only' ? briefly(notice) : inFull(notice)
  return JSON.stringify({ notification: { ...about, ...counts, devices: [device] } })
}

const briefly = (notice: Notice): JsonObject => ({
  event_id: notice.eventId,
  room_id: notice.roomId,
  prio: isUrgent(notice) ? 'high' : 'low',
})

const inFull = (notice: Notice): JsonObject => ({
  ...briefly(notice),
  // The name of `event_id` until 2016; gateways of that time know no other.
  id: notice.eventId,
  type: notice.type,
  sender: notice.sender,
  content: notice.content,
  ...(notice.senderDisplayName === undefined ? {} : { sender_display_name: notice.senderDisplayName }),
  ...(notice.roomName === undefined ? {} : { room_name: notice.roomName }),
  ...(notice.roomAlias === undefined ? {} : { room_alias: notice.roomAlias }),
  ...(notice.membership === undefined ? {} : { membership: notice.membership, user_is_target: notice.userIsTarget }),
})
