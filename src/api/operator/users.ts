import { Type } from 'typebox'
import type { AccountDetails, Operate } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import type { DeviceId, JsonObject } from '#spec'

export interface OperatorUsersDeps {
  readonly operate: Operate
}

const PAGE = 500

const User = Type.String({ minLength: 1, maxLength: 255 })

/** Times are milliseconds since 1970, as everywhere in Matrix. */
const userJson = (account: AccountDetails['account']): JsonObject => ({
  user_id: account.userId,
  admin: account.admin,
  guest: account.guest,
  created_ts: account.createdAtMs,
  locked_ts: account.lockedAtMs ?? null,
  suspended_ts: account.suspendedAtMs ?? null,
  deactivated_ts: account.deactivatedAtMs ?? null,
  erased: account.erased,
})

const deviceJson = (device: AccountDetails['devices'][number]): JsonObject => ({
  device_id: device.deviceId,
  display_name: device.displayName ?? null,
  last_seen_ts: device.lastSeenAtMs ?? null,
  last_seen_ip: device.lastSeenIp ?? null,
})

/** The operator's commands over accounts, each at a path of its name. */
export const operatorUsersEndpoints = ({ operate }: OperatorUsersDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/list-users'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ after: Type.Optional(Type.Integer({ minimum: 0 })) }),
    handler: async ({ body: { after = 0 } }) => {
      const page = await operate.list(after, PAGE)
      const last = page.at(-1)
      return { users: page.map(userJson), ...(page.length < PAGE || last === undefined ? {} : { next: last.user }) }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/show-user'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User }),
    handler: async ({ body }) => {
      const { account, devices, addresses, providers } = await operate.details(await operate.find(body.user))
      return {
        ...userJson(account),
        has_password: account.passwordHash !== undefined,
        devices: devices.map(deviceJson),
        addresses: addresses.map(({ medium, address }) => ({ medium, address })),
        sign_in_providers: [...providers],
      }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/create-user'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, password: Type.String(), admin: Type.Boolean() }),
    handler: async ({ body: { user, password, admin } }) => {
      const userId = await operate.create(user, password, admin)
      return { user_id: userId, admin }
    },
  }),
  ...changesOfUsers(operate),
  ...standingOfUsers(operate),
]

const changesOfUsers = (operate: Operate): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/set-password'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, password: Type.String(), keep_sessions: Type.Boolean() }),
    handler: async ({ body }) => {
      const account = await operate.find(body.user)
      await operate.setPassword(account, body.password, body.keep_sessions)
      return { user_id: account.userId, sessions_ended: !body.keep_sessions }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/end-sessions'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, device: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }),
    handler: async ({ body: { user, device } }) => {
      const account = await operate.find(user)
      const ended = await operate.endSessions(account, device as DeviceId | undefined)
      return { user_id: account.userId, devices: [...ended] }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/deactivate-user'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, erase: Type.Boolean() }),
    handler: async ({ body: { user, erase } }) => {
      const account = await operate.find(user)
      const unbound = await operate.deactivate(account, erase)
      return { user_id: account.userId, id_server_unbind_result: unbound }
    },
  }),
]

/** The rights of an account, without anything of what it has. */
const standingOfUsers = (operate: Operate): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/set-admin'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, admin: Type.Boolean() }),
    handler: async ({ body: { user, admin } }) => {
      const account = await operate.find(user)
      await operate.setAdmin(account, admin)
      return { user_id: account.userId, admin }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/set-locked'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, locked: Type.Boolean() }),
    handler: async ({ body: { user, locked } }) => {
      const account = await operate.find(user)
      await operate.setLocked(account, locked)
      return { user_id: account.userId, locked }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/set-suspended'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, suspended: Type.Boolean() }),
    handler: async ({ body: { user, suspended } }) => {
      const account = await operate.find(user)
      await operate.setSuspended(account, suspended)
      return { user_id: account.userId, suspended }
    },
  }),
]
