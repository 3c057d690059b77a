import { Type } from 'typebox'
import { type Devices, deviceNotFound, type EndSessions, parseDeviceId, type ServiceAccounts } from '#domain'
import { type AnyEndpoint, byLegacyLogin, CustomReply, endpoint, user, v3 } from '#http'
import type { DeviceId } from '#spec'
import { AuthData, uiaReply } from '../authentication/auth-schemas.ts'

export interface DeviceManagementDeps {
  readonly devices: Devices
  readonly endSessions: EndSessions
  readonly serviceAccounts: Pick<ServiceAccounts, 'isOwn'>
}

/** Limit, as each device is a row to look for. */
const MAX_DELETED_AT_ONCE = 1_000

const Params = Type.Object({ deviceId: Type.String() })

/** `device_management.yaml`. */
export const deviceManagementEndpoints = ({
  devices,
  endSessions,
  serviceAccounts,
}: DeviceManagementDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/devices'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    handler: async ({ requester }): Promise<{ devices: readonly ClientDevice[] }> => ({
      devices: (await devices.list(requester.userId)).map(clientDevice),
    }),
  }),
  endpoint({
    method: 'GET',
    paths: v3('/devices/:deviceId'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: Params,
    handler: async ({ requester, params }): Promise<ClientDevice> => {
      const device = await devices.device(requester.userId, knownShape(params.deviceId))
      if (device === undefined) throw deviceNotFound()
      return clientDevice(device)
    },
  }),
  endpoint({
    method: 'PUT',
    paths: v3('/devices/:deviceId'),
    auth: user({ guests: true }),
    rateLimit: 'other',
    params: Params,
    body: Type.Object({ display_name: Type.Optional(Type.String()) }),
    handler: async ({ requester, params, body }) => {
      if (requester.kind === 'user' && requester.service !== undefined) {
        const { display_name: name } = body
        const isNew = await devices.makeOrRename(requester.userId, parseDeviceId(params.deviceId), name)
        return new CustomReply({ status: isNew ? 201 : 200, body: {} })
      }
      const deviceId = knownShape(params.deviceId)
      if (body.display_name !== undefined) await devices.rename(requester.userId, deviceId, body.display_name)
      else if ((await devices.device(requester.userId, deviceId)) === undefined) throw deviceNotFound()
      return {}
    },
  }),
  ...removalEndpoints(endSessions, serviceAccounts),
]

/** An application service needs no authentication to remove devices of users whom it has for itself alone; people whom it may be are not signed out by it. */
const removalEndpoints = (
  endSessions: EndSessions,
  serviceAccounts: DeviceManagementDeps['serviceAccounts'],
): readonly AnyEndpoint[] => [
  endpoint({
    method: 'DELETE',
    paths: v3('/devices/:deviceId'),
    auth: byLegacyLogin(user()),
    rateLimit: 'other',
    params: Params,
    body: Type.Object({ auth: Type.Optional(AuthData) }),
    bodyOptional: true,
    handler: async ({ requester, params, body }) => {
      const { userId } = requester
      const deviceId = parseDeviceId(params.deviceId)
      if (!serviceAccounts.isOwn(requester))
        return uiaReply(await endSessions.deleteDevice(userId, deviceId, body.auth), () => ({}))
      await endSessions.removeDevices(userId, [deviceId])
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/delete_devices'),
    auth: byLegacyLogin(user()),
    rateLimit: 'other',
    body: Type.Object({
      // Absent in a later request of an authentication session, which names the session only.
      devices: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: MAX_DELETED_AT_ONCE })),
      auth: Type.Optional(AuthData),
    }),
    handler: async ({ requester, body }) => {
      const deviceIds = (body.devices ?? []).map(parseDeviceId)
      if (serviceAccounts.isOwn(requester)) {
        await endSessions.removeDevices(requester.userId, deviceIds)
        return {}
      }
      return uiaReply(await endSessions.deleteDevices(requester.userId, deviceIds, body.auth), () => ({}))
    },
  }),
]

/** A malformed device id names no device: 404, not 400. */
const knownShape = (text: string): DeviceId => {
  try {
    return parseDeviceId(text)
  } catch {
    throw deviceNotFound()
  }
}

interface Device {
  readonly deviceId: DeviceId
  readonly displayName: string | undefined
  readonly lastSeenAtMs: number | undefined
  readonly lastSeenIp: string | undefined
  readonly dehydrated: boolean
}

/** `definitions/client_device.yaml`. */
type ClientDevice = {
  readonly device_id: DeviceId
  readonly display_name?: string
  readonly last_seen_ip?: string
  readonly last_seen_ts?: number
  /** MSC3814: nobody is logged in with it. */
  readonly dehydrated?: true
}

const clientDevice = ({ deviceId, displayName, lastSeenAtMs, lastSeenIp, dehydrated }: Device): ClientDevice => ({
  device_id: deviceId,
  ...(displayName === undefined ? {} : { display_name: displayName }),
  ...(lastSeenIp === undefined ? {} : { last_seen_ip: lastSeenIp }),
  ...(lastSeenAtMs === undefined ? {} : { last_seen_ts: lastSeenAtMs }),
  ...(dehydrated ? { dehydrated } : {}),
})
