import Type from 'typebox'
import { type KeyAnswer, type KeysOfUsers, parseDeviceId, type UploadKeys, type UserKeys } from '#domain'
import { type AnyEndpoint, type AsJson, endpoint, RawJson, user, v3 } from '#http'
import type { DeviceId, UserId } from '#spec'
import type { DeviceListChanges, KeyChanges } from '#views'
import { AnyObject } from '../authentication/auth-schemas.ts'
import { claimedText, crossSigningText, keysText } from './key-texts.ts'
import { userIdOf } from './user-id-of.ts'

export interface KeysDeps {
  readonly uploadKeys: UploadKeys
  readonly keysOfUsers: KeysOfUsers
  readonly keyChanges: KeyChanges
}

const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 60_000
/** A device has some hundred bytes of identity keys, and up to a hundred one-time keys come with them. */
const UPLOAD_LIMIT_BYTES = 512 * 1024

const Timeout = Type.Optional(Type.Integer({ minimum: 0 }))

/** `keys.yaml`. */
export const keysEndpoints = ({ uploadKeys, keysOfUsers, keyChanges }: KeysDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/keys/upload'),
    auth: user({ guests: true }),
    rateLimit: 'keyUpload',
    body: AnyObject,
    bodyLimitBytes: UPLOAD_LIMIT_BYTES,
    handler: async ({ requester, body }): Promise<{ one_time_key_counts: Readonly<Record<string, number>> }> => ({
      one_time_key_counts: await uploadKeys.upload(requester, body),
    }),
  }),
  endpoint({
    method: 'POST',
    paths: v3('/keys/query'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    body: Type.Object({
      timeout: Timeout,
      device_keys: Type.Record(Type.String(), Type.Array(Type.String())),
    }),
    handler: async ({ requester, body }) => {
      const wanted = new Map<UserId, readonly DeviceId[]>()
      for (const [userId, deviceIds] of Object.entries(body.device_keys)) {
        wanted.set(userIdOf(userId), deviceIds as DeviceId[])
      }
      return new RawJson(queryText(await keysOfUsers.query(wanted, requester.userId, timeoutMs(body.timeout))))
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/keys/claim'),
    auth: user({ guests: true }),
    rateLimit: 'other',
    body: Type.Object({
      timeout: Timeout,
      one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
    }),
    handler: async ({ body }) => {
      const wanted = new Map<UserId, ReadonlyMap<DeviceId, string>>()
      for (const [userId, devices] of Object.entries(body.one_time_keys)) {
        const ofUser = Object.entries(devices).map(([id, algorithm]) => [parseDeviceId(id), algorithm] as const)
        wanted.set(userIdOf(userId), new Map(ofUser))
      }
      const { found, failures } = await keysOfUsers.claim(wanted, timeoutMs(body.timeout))
      return new RawJson(`{"failures":${JSON.stringify(failures)},${claimedText(found)}}`)
    },
  }),
  endpoint({
    method: 'GET',
    paths: v3('/keys/changes'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    query: Type.Object({ from: Type.String({ maxLength: 8_192 }), to: Type.String({ maxLength: 8_192 }) }),
    handler: async ({ requester, query: { from, to } }): Promise<AsJson<DeviceListChanges>> =>
      keyChanges.between(requester, from, to),
  }),
]

const timeoutMs = (asked = DEFAULT_TIMEOUT_MS): number => Math.min(asked, MAX_TIMEOUT_MS)

const queryText = ({ found, failures }: KeyAnswer<ReadonlyMap<UserId, UserKeys>>): string => {
  const own = crossSigningText(found, ({ userSigning }) => userSigning)
  return `{"failures":${JSON.stringify(failures)},${keysText(found)},"user_signing_keys":${own}}`
}
