import Type from 'typebox'
import { type DehydratedDevices, parseDeviceId } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, user } from '#http'
import { AnyObject } from '../own-user.ts'

export interface DehydratedDeviceDeps {
  readonly dehydratedDevices: DehydratedDevices
}

const DEVICE = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'
/** As for the upload of keys, with the device's own sealed data beside. */
const BODY_LIMIT_BYTES = 512 * 1024
/** The most messages of one answer. */
const MESSAGES = 100

const InDevice = Type.Object({ deviceId: Type.String() })
const Place = Type.Optional(Type.String({ maxLength: 100 }))

type DeviceNamed = { readonly device_id: string }

/** MSC3814, dehydrated devices. Its earlier form of the request for messages, by `POST`, is that of clients of before July 2026. */
export const dehydratedDeviceEndpoints = ({ dehydratedDevices }: DehydratedDeviceDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: [DEVICE],
    auth: user(),
    rateLimit: 'other',
    body: Type.Object({
      device_id: Type.String(),
      device_data: AnyObject,
      initial_device_display_name: Type.Optional(Type.String()),
      device_keys: AnyObject,
      one_time_keys: Type.Optional(AnyObject),
      fallback_keys: Type.Optional(AnyObject),
    }),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ requester, body }): Promise<DeviceNamed> => {
      const { device_id, device_data: data, initial_device_display_name: displayName, ...keys } = body
      await dehydratedDevices.put(requester, { deviceId: parseDeviceId(device_id), displayName, data, keys })
      return { device_id }
    },
  }),
  endpoint({
    method: 'GET',
    paths: [DEVICE],
    auth: user(),
    rateLimit: 'read',
    handler: async ({ requester }) => {
      const { deviceId, deviceDataJson } = await dehydratedDevices.get(requester)
      return new RawJson(`{"device_id":${JSON.stringify(deviceId)},"device_data":${deviceDataJson}}`)
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: [DEVICE],
    auth: user(),
    rateLimit: 'other',
    handler: async ({ requester }): Promise<DeviceNamed> => ({ device_id: await dehydratedDevices.remove(requester) }),
  }),
  ...messagesEndpoints({ dehydratedDevices }),
]

const messagesEndpoints = ({ dehydratedDevices }: DehydratedDeviceDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [`${DEVICE}/:deviceId/events`],
    auth: user(),
    rateLimit: 'read',
    params: InDevice,
    query: Type.Object({ from: Place, limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
    handler: async ({ requester, params, query }) => {
      const limit = Math.min(query.limit ?? MESSAGES, MESSAGES)
      const page = await dehydratedDevices.messages(requester, parseDeviceId(params.deviceId), query.from, limit)
      // Where there is no next page, there is no `next_batch`.
      return pageText(page.messages, page.more ? page.reached : undefined)
    },
  }),
  endpoint({
    method: 'POST',
    paths: [`${DEVICE}/:deviceId/events`],
    auth: user(),
    rateLimit: 'read',
    params: InDevice,
    body: Type.Object({ next_batch: Place }),
    bodyOptional: true,
    handler: async ({ requester, params, body }) => {
      const deviceId = parseDeviceId(params.deviceId)
      const page = await dehydratedDevices.messages(requester, deviceId, body.next_batch, MESSAGES)
      // A page without messages is the end here.
      return pageText(page.messages, page.reached)
    },
  }),
]

interface Message {
  readonly sender: string
  readonly type: string
  readonly contentJson: string
}

const pageText = (messages: readonly Message[], nextBatch: string | undefined): RawJson => {
  const events = messages.map(
    ({ sender, type, contentJson }) =>
      `{"type":${JSON.stringify(type)},"sender":${JSON.stringify(sender)},"content":${contentJson}}`,
  )
  const next = nextBatch === undefined ? '' : `,"next_batch":${JSON.stringify(nextBatch)}`
  return new RawJson(`{"events":[${events.join()}]${next}}`)
}
