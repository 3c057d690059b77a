import { Type } from 'typebox'
import { type AdministerPeople, type Devices, deviceNotFound, parseDeviceId } from '#domain'
import { type AnyEndpoint, admin, CustomReply, endpoint } from '#http'
import type { JsonObject, UserId } from '#spec'
import { actorOf } from '../actor.ts'
import { UserPath } from './user-path.ts'

export interface DevicesAdminDeps {
  readonly people: AdministerPeople
  readonly devices: Devices
}

const MAX_DELETED_AT_ONCE = 1_000

const DevicePath = Type.Object({ userId: Type.String({ maxLength: 1_024 }), deviceId: Type.String() })

type Device = Awaited<ReturnType<Devices['list']>>[number]

const deviceJson = (userId: UserId, device: Device): JsonObject => ({
  device_id: device.deviceId,
  display_name: device.displayName ?? null,
  last_seen_ip: device.lastSeenIp ?? null,
  last_seen_user_agent: device.lastSeenUserAgent ?? null,
  last_seen_ts: device.lastSeenAtMs ?? null,
  user_id: userId,
  dehydrated: device.dehydrated,
})

/** Devices of a user. */
export const devicesAdminEndpoints = ({ people, devices }: DevicesAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v2/users/:userId/devices'],
    auth: admin(),
    rateLimit: 'read',
    params: UserPath,
    handler: async ({ params }): Promise<JsonObject> => {
      const { userId } = await people.account(params.userId)
      const all = (await devices.list(userId)).map((device) => deviceJson(userId, device))
      return { devices: all, total: all.length }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v2/users/:userId/devices'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ device_id: Type.String() }),
    handler: async ({ requester, params, body }) => {
      const { userId } = await people.account(params.userId)
      await people.makeDevice(actorOf(requester), userId, parseDeviceId(body.device_id))
      // Also where it was there before.
      return new CustomReply({ status: 201, body: {} })
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v2/users/:userId/delete_devices'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ devices: Type.Array(Type.String({ maxLength: 255 }), { maxItems: MAX_DELETED_AT_ONCE }) }),
    handler: async ({ requester, params, body }) => {
      const { userId } = await people.account(params.userId)
      await people.removeDevices(actorOf(requester), userId, body.devices.map(parseDeviceId))
      return {}
    },
  }),
  ...oneDevice(people, devices),
]

const PATHS = ['/_synapse/admin/v2/users/:userId/devices/:deviceId'] as const

const oneDevice = (people: AdministerPeople, devices: Devices): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: PATHS,
    auth: admin(),
    rateLimit: 'read',
    params: DevicePath,
    handler: async ({ params }): Promise<JsonObject> => {
      const { userId } = await people.account(params.userId)
      const device = await devices.device(userId, parseDeviceId(params.deviceId))
      if (device === undefined) throw deviceNotFound()
      return deviceJson(userId, device)
    },
  }),
  endpoint({
    method: 'PUT',
    paths: PATHS,
    auth: admin(),
    rateLimit: 'other',
    params: DevicePath,
    body: Type.Object({ display_name: Type.Optional(Type.String()) }),
    bodyOptional: true,
    handler: async ({ requester, params, body: { display_name: name } }) => {
      const { userId } = await people.account(params.userId)
      const deviceId = parseDeviceId(params.deviceId)
      if (name !== undefined) await people.renameDevice(actorOf(requester), userId, deviceId, name)
      else if ((await devices.device(userId, deviceId)) === undefined) throw deviceNotFound()
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: PATHS,
    auth: admin(),
    rateLimit: 'other',
    params: DevicePath,
    handler: async ({ requester, params }) => {
      const { userId } = await people.account(params.userId)
      await people.removeDevices(actorOf(requester), userId, [parseDeviceId(params.deviceId)])
      return {}
    },
  }),
]
