import Type from 'typebox'
import { type DeviceListOfUser, type KeysForServers, parseDeviceId } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import { type DeviceId, isJsonObject, type JsonValue, parseUserId, stringAt, type UserId } from '#spec'
import { claimedText, keysText } from '../client/encryption/key-texts.ts'
import { userIdOf } from '../client/room-path.ts'

export interface KeysForServersDeps {
  readonly keysForServers: Pick<KeysForServers, 'query' | 'claim' | 'devicesOf'>
}

/** `keys_query.yaml`, `user_keys.yaml` and `user_devices.yaml` of the server-server API. */
export const userKeysEndpoints = ({ keysForServers }: KeysForServersDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_matrix/federation/v1/user/keys/query'],
    auth: server(),
    rateLimit: 'read',
    costly: true,
    body: Type.Object({ device_keys: Type.Record(Type.String(), Type.Array(Type.String())) }),
    handler: async ({ body }) => {
      const wanted = new Map<UserId, readonly DeviceId[]>()
      for (const [name, deviceIds] of Object.entries(body.device_keys)) {
        const userId = parseUserId(name)
        if (userId !== undefined) wanted.set(userId, deviceIds as DeviceId[])
      }
      return new RawJson(`{${keysText(await keysForServers.query(wanted))}}`)
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_matrix/federation/v1/user/keys/claim'],
    auth: server(),
    rateLimit: 'other',
    body: Type.Object({ one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())) }),
    handler: async ({ body }) => {
      const wanted = new Map<UserId, ReadonlyMap<DeviceId, string>>()
      for (const [name, devices] of Object.entries(body.one_time_keys)) {
        const userId = parseUserId(name)
        if (userId === undefined) continue
        const ofUser = Object.entries(devices).map(([id, algorithm]) => [parseDeviceId(id), algorithm] as const)
        wanted.set(userId, new Map(ofUser))
      }
      return new RawJson(`{${claimedText(await keysForServers.claim(wanted))}}`)
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/user/devices/:userId'],
    auth: server(),
    rateLimit: 'read',
    params: Type.Object({ userId: Type.String() }),
    handler: async ({ params }) => {
      const userId = userIdOf(params.userId)
      return new RawJson(devicesText(userId, await keysForServers.devicesOf(userId)))
    },
  }),
]

const devicesText = (userId: UserId, { version, devices, master, selfSigning }: DeviceListOfUser): string => {
  const listed = [...devices].map(([deviceId, json]) => {
    const name = nameIn(json)
    const named = name === undefined ? '' : `,"device_display_name":${JSON.stringify(name)}`
    return `{"device_id":${JSON.stringify(deviceId)},"keys":${json}${named}}`
  })
  const members = [
    `"user_id":${JSON.stringify(userId)}`,
    `"stream_id":${version}`,
    `"devices":[${listed.join()}]`,
    ...(master === undefined ? [] : [`"master_key":${master}`]),
    ...(selfSigning === undefined ? [] : [`"self_signing_key":${selfSigning}`]),
  ]
  return `{${members.join()}}`
}

/** The name of the device, where it is told at all. */
const nameIn = (keysJson: string): string | undefined => {
  const keys = JSON.parse(keysJson) as JsonValue
  const unsigned = isJsonObject(keys) ? keys.unsigned : undefined
  return isJsonObject(unsigned) ? stringAt(unsigned, 'device_display_name') : undefined
}
