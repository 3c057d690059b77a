import { Type } from 'typebox'
import type { Moderate } from '#domain'
import { type AnyEndpoint, admin, endpoint, sinceV1, user } from '#http'
import type { JsonObject } from '#spec'

export interface AdminDeps {
  readonly moderate: Moderate
}

const UserPath = Type.Object({ userId: Type.String() })

/** Today's path, and that of MSC4323, by which moderation bots ask. */
const adminPaths = (path: string): readonly [string, string] => [
  `/_matrix/client/v1/admin${path}`,
  `/_matrix/client/unstable/uk.timedout.msc4323/admin${path}`,
]

/** `admin.yaml`. */
export const adminEndpoints = ({ moderate }: AdminDeps): readonly AnyEndpoint[] => [
  ...lockEndpoints(moderate),
  ...suspensionEndpoints(moderate),
  endpoint({
    method: 'GET',
    paths: sinceV1('/admin/whois/:userId'),
    auth: user(),
    rateLimit: 'read',
    params: UserPath,
    handler: async ({ requester, params: { userId } }) => {
      return whoisJson(userId, await moderate.devicesOf(requester, userId))
    },
  }),
]

const lockEndpoints = (moderate: Moderate): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: adminPaths('/lock/:userId'),
    auth: admin(),
    rateLimit: 'read',
    params: UserPath,
    handler: async ({ requester, params }) => ({ locked: await moderate.isLocked(requester, params.userId) }),
  }),
  endpoint({
    method: 'PUT',
    paths: adminPaths('/lock/:userId'),
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ locked: Type.Boolean() }),
    handler: async ({ requester, params, body: { locked } }) => {
      await moderate.setLocked(requester, params.userId, locked)
      return { locked }
    },
  }),
]

const suspensionEndpoints = (moderate: Moderate): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: adminPaths('/suspend/:userId'),
    auth: admin(),
    rateLimit: 'read',
    params: UserPath,
    handler: async ({ requester, params }) => ({ suspended: await moderate.isSuspended(requester, params.userId) }),
  }),
  endpoint({
    method: 'PUT',
    paths: adminPaths('/suspend/:userId'),
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ suspended: Type.Boolean() }),
    handler: async ({ requester, params, body: { suspended } }) => {
      await moderate.setSuspended(requester, params.userId, suspended)
      return { suspended }
    },
  }),
]

type Device = Awaited<ReturnType<Moderate['devicesOf']>>[number]

/** Answer to the question of an administrator, and of users about themselves, from where an account is used. */
export const whoisJson = (userId: string, devices: readonly Device[]): JsonObject => ({
  user_id: userId,
  devices: Object.fromEntries(devices.map((device) => [device.deviceId, { sessions: [sessionOf(device)] }])),
})

/** A device has one session, and the connection that it was last seen with. */
const sessionOf = ({ lastSeenIp, lastSeenAtMs, lastSeenUserAgent }: Device): JsonObject => ({
  connections:
    lastSeenAtMs === undefined
      ? []
      : [
          {
            ...(lastSeenIp === undefined ? {} : { ip: lastSeenIp }),
            last_seen: lastSeenAtMs,
            ...(lastSeenUserAgent === undefined ? {} : { user_agent: lastSeenUserAgent }),
          },
        ],
})
