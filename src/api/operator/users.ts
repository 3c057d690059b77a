import { Type } from 'typebox'
import type { AccountDetails, AdministerPeople } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import type { DeviceId, JsonObject } from '#spec'
import type { People } from '#views'
import { operatorAccountLimitsEndpoints } from './account-limits.ts'
import { OPERATOR } from './operator.ts'

export interface OperatorUsersDeps {
  readonly people: AdministerPeople
  readonly peopleView: Pick<People, 'list'>
}

const PAGE = 500

const User = Type.String({ minLength: 1, maxLength: 255 })

const limitJson = (limit: AccountDetails['account']['rateLimit']): JsonObject | null =>
  limit === undefined ? null : { messages_per_second: limit.perSecond, burst_count: limit.burst }

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
  user_type: account.userType ?? null,
  shadow_banned: account.shadowBanned,
  expires_ts: account.expiresAtMs ?? null,
  limit: limitJson(account.rateLimit),
})

type Found = Awaited<ReturnType<People['list']>>['rows'][number]

const foundJson = (row: Found): JsonObject => ({
  user_id: row.userId,
  display_name: row.displayName ?? null,
  ...{ admin: row.admin, guest: row.guest, locked: row.locked, suspended: row.suspended },
  ...{ deactivated: row.deactivated, created_ts: row.createdAtMs, last_seen_ts: row.lastSeenAtMs ?? null },
})

const deviceJson = (device: AccountDetails['devices'][number]): JsonObject => ({
  device_id: device.deviceId,
  display_name: device.displayName ?? null,
  last_seen_ts: device.lastSeenAtMs ?? null,
  last_seen_ip: device.lastSeenIp ?? null,
})

/** The operator's commands over accounts, each at a path of its name. */
export const operatorUsersEndpoints = ({ people, peopleView }: OperatorUsersDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/list-users'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ after: Type.Optional(Type.Integer({ minimum: 0 })) }),
    handler: async ({ body: { after = 0 } }) => {
      const page = await people.list(after, PAGE)
      const last = page.at(-1)
      return { users: page.map(userJson), ...(page.length < PAGE || last === undefined ? {} : { next: last.user }) }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/search-users'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({
      text: Type.Optional(Type.String({ maxLength: 512 })),
      admins: Type.Optional(Type.Boolean()),
      locked: Type.Optional(Type.Boolean()),
      deactivated: Type.Optional(Type.Boolean()),
      from: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    handler: async ({ body: { text, ...query } }) => {
      const { rows, total, next } = await peopleView.list({ ...query, named: text, limit: PAGE })
      return { users: rows.map(foundJson), total, ...(next === undefined ? {} : { next }) }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/show-user'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User }),
    handler: async ({ body }) => {
      const { account, devices, addresses, identities } = await people.details(await people.find(body.user))
      return {
        ...userJson(account),
        has_password: account.passwordHash !== undefined,
        devices: devices.map(deviceJson),
        addresses: addresses.map(({ medium, address }) => ({ medium, address })),
        sign_in_providers: [...new Set(identities.map(({ provider }) => provider))],
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
      const userId = people.newUserId(user)
      await people.create(OPERATOR, { userId, password, admin })
      return { user_id: userId, admin }
    },
  }),
  ...changesOfUsers(people),
  ...standingOfUsers(people),
  ...operatorAccountLimitsEndpoints(people),
]

const changesOfUsers = (people: AdministerPeople): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/set-password'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, password: Type.String(), keep_sessions: Type.Boolean() }),
    handler: async ({ body }) => {
      const account = await people.find(body.user)
      await people.setPassword(OPERATOR, account, body.password, body.keep_sessions)
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
      const account = await people.find(user)
      const ended = await people.endSessions(OPERATOR, account, device as DeviceId | undefined)
      return { user_id: account.userId, devices: [...ended] }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/reactivate-user'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, password: Type.String() }),
    handler: async ({ body: { user, password } }) => {
      const account = await people.find(user)
      await people.reactivate(OPERATOR, account, password)
      return { user_id: account.userId }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/deactivate-user'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, erase: Type.Boolean() }),
    handler: async ({ body: { user, erase } }) => {
      const account = await people.find(user)
      const unbound = await people.deactivate(OPERATOR, account, erase)
      return { user_id: account.userId, id_server_unbind_result: unbound }
    },
  }),
]

/** The rights of an account, without anything of what it has. */
const standingOfUsers = (people: AdministerPeople): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/set-admin'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, admin: Type.Boolean() }),
    handler: async ({ body: { user, admin } }) => {
      const account = await people.find(user)
      await people.setAdmin(OPERATOR, account, admin)
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
      const account = await people.find(user)
      await people.setLocked(OPERATOR, account, locked)
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
      const account = await people.find(user)
      await people.setSuspended(OPERATOR, account, suspended)
      return { user_id: account.userId, suspended }
    },
  }),
]
