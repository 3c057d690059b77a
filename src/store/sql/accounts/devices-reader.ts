import type { DeviceId, UserId } from '#spec'
import type { DeviceRecord, DevicesReader, TokenRecord, TokensReader } from '../../ports/accounts/devices.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import { rateOf } from './accounts-reader.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()

const DEVICE_COLUMNS = [
  'devices.device',
  'device_id',
  'display_name',
  'seen_ms',
  'seen_ip',
  'seen_user_agent',
  'dehydrated_devices.device as dehydrated',
  'oauth_client',
] as const
const deviceOf = query((db, param: { userId: string; deviceId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('devices', 'devices.user_number', 'users.user_number')
    .leftJoin('dehydrated_devices', 'dehydrated_devices.device', 'devices.device')
    .select(DEVICE_COLUMNS)
    .where('user_id', '=', param.userId)
    .where('device_id', '=', param.deviceId),
)
const devicesOf = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('devices', 'devices.user_number', 'users.user_number')
    .leftJoin('dehydrated_devices', 'dehydrated_devices.device', 'devices.device')
    .select(DEVICE_COLUMNS)
    .where('user_id', '=', param.userId)
    .orderBy('devices.device'),
)

const TOKEN_COLUMNS = [
  'token',
  'access_hash',
  'devices.user_number',
  'user_id',
  'devices.device',
  'device_id',
  'guest',
  'admin',
  'locked_ms',
  'suspended_ms',
  'oauth_client',
  'oauth_admin',
  'shadow_banned',
  'rate_per_second',
  'rate_burst',
  'accounts.expires_ms as account_expires_ms',
  'access_expires_ms',
  'refresh_expires_ms',
  'predecessor',
  'replaced',
] as const
const byAccessHash = query((db, param: { hash: string }) =>
  db
    .selectFrom('token_pairs')
    .innerJoin('devices', 'devices.device', 'token_pairs.device')
    .innerJoin('users', 'users.user_number', 'devices.user_number')
    .innerJoin('accounts', 'accounts.user_number', 'devices.user_number')
    .select(TOKEN_COLUMNS)
    .where('access_hash', '=', param.hash),
)
const byRefreshHash = query((db, param: { hash: string }) =>
  db
    .selectFrom('token_pairs')
    .innerJoin('devices', 'devices.device', 'token_pairs.device')
    .innerJoin('users', 'users.user_number', 'devices.user_number')
    .innerJoin('accounts', 'accounts.user_number', 'devices.user_number')
    .select(TOKEN_COLUMNS)
    .where('refresh_hash', '=', param.hash),
)

interface DeviceRow {
  readonly device: number
  readonly device_id: string
  readonly display_name: string | null
  readonly seen_ms: number | null
  readonly seen_ip: string | null
  readonly seen_user_agent: string | null
  readonly dehydrated: number | null
  readonly oauth_client: string | null
}

const toDevice = (row: DeviceRow): DeviceRecord => ({
  device: row.device,
  deviceId: row.device_id as DeviceId,
  displayName: row.display_name ?? undefined,
  lastSeenAtMs: row.seen_ms ?? undefined,
  lastSeenIp: row.seen_ip ?? undefined,
  lastSeenUserAgent: row.seen_user_agent ?? undefined,
  dehydrated: row.dehydrated !== null,
  oauthClient: row.oauth_client ?? undefined,
})

export const devicesReader = (db: Db): DevicesReader => ({
  device: async (userId, deviceId) => {
    const row = await db.first(deviceOf, { userId, deviceId })
    return row === undefined ? undefined : toDevice(row)
  },
  devicesOf: async (userId) => (await db.all(devicesOf, { userId })).map(toDevice),
})

interface TokenRow {
  readonly token: number
  readonly access_hash: string
  readonly user_number: number
  readonly user_id: string
  readonly device: number
  readonly device_id: string
  readonly guest: number
  readonly admin: number
  readonly locked_ms: number | null
  readonly suspended_ms: number | null
  readonly oauth_client: string | null
  readonly oauth_admin: number | null
  readonly shadow_banned: number
  readonly rate_per_second: number | null
  readonly rate_burst: number | null
  readonly account_expires_ms: number | null
  readonly access_expires_ms: number | null
  readonly refresh_expires_ms: number | null
  readonly predecessor: number | null
  readonly replaced: number
}

const toToken = (row: TokenRow | undefined): TokenRecord | undefined =>
  row === undefined
    ? undefined
    : {
        token: row.token,
        accessHash: row.access_hash,
        user: row.user_number,
        userId: row.user_id as UserId,
        device: row.device,
        deviceId: row.device_id as DeviceId,
        guest: row.guest === 1,
        admin: row.admin === 1 && (row.oauth_admin === null ? row.oauth_client === null : row.oauth_admin === 1),
        locked: row.locked_ms !== null,
        suspended: row.suspended_ms !== null,
        oauthClient: row.oauth_client ?? undefined,
        // OAuth clients have a say of their own in `oauth_admin`; sessions without one have it where a service began them.
        borrowed: row.oauth_client === null && row.oauth_admin === 0,
        shadowBanned: row.shadow_banned === 1,
        rateLimit: rateOf(row),
        accountExpiresAtMs: row.account_expires_ms ?? undefined,
        accessExpiresAtMs: row.access_expires_ms ?? undefined,
        refreshExpiresAtMs: row.refresh_expires_ms ?? undefined,
        unconfirmed: row.predecessor !== null,
        replaced: row.replaced === 1,
      }

export const tokensReader = (db: Db): TokensReader => ({
  byAccessHash: async (hash) => toToken(await db.first(byAccessHash, { hash })),
  byRefreshHash: async (hash) => toToken(await db.first(byRefreshHash, { hash })),
})
