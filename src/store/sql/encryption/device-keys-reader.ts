import { sql } from 'kysely'
import type { DeviceId, UserId } from '#spec'
import type { DeviceKeysReader, PublicKeyRecord } from '../../ports/encryption/device-keys.ts'
import type { Db } from '../engine/index.ts'
import { devicesByUser, FEW_USERS } from './devices-by-user.ts'
import { query } from './tables.ts'

const keysOfUsers = query((db, param: { userIds: readonly UserId[] }, { texts }) =>
  db
    .selectFrom('users as u')
    .innerJoin('accounts as a', 'a.user_number', 'u.user_number')
    .leftJoin('device_keys as k', 'k.user_number', 'u.user_number')
    .leftJoin('devices as d', 'd.device', 'k.device')
    .select(['u.user_id', 'k.device_id', 'k.keys_json', 'd.display_name'])
    .where('u.user_id', 'in', texts(param.userIds))
    .orderBy('u.user_id')
    .orderBy('k.device_id'),
)
const keysOfDevice = query((db, param: { device: number }) =>
  db.selectFrom('device_keys').select('keys_json').where('device', '=', param.device),
)
const oneTimeKeys = query((db, param: { device: number; keyIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('one_time_keys')
    .select(['algorithm', 'key_id', 'key_json', 'claimed'])
    .where('device', '=', param.device)
    .where('key_id', 'in', texts(param.keyIds)),
)
const fallbackKeys = query((db, param: { device: number }) =>
  db.selectFrom('fallback_keys').select(['algorithm', 'key_id', 'key_json']).where('device', '=', param.device),
)
const counts = query((db, param: { device: number }) =>
  db
    .selectFrom('one_time_keys')
    .select((eb) => [
      'algorithm',
      // A sum of bigints is no bigint on PostgreSQL.
      sql<number>`cast(sum(1 - claimed) as bigint)`.as('left'),
      eb.fn.max('position').as('position'),
    ])
    .where('device', '=', param.device)
    .groupBy('algorithm'),
)
const fallbackStates = query((db, param: { device: number }) =>
  db.selectFrom('fallback_keys').select(['algorithm', 'used', 'position']).where('device', '=', param.device),
)
const devicesNamed = query((db, param: { userIds: readonly UserId[]; deviceIds: readonly DeviceId[] }, { texts }) =>
  db
    .selectFrom('users as u')
    .innerJoin('devices as d', 'd.user_number', 'u.user_number')
    .select(['u.user_id', 'd.user_number', 'd.device_id', 'd.device'])
    .where('u.user_id', 'in', texts(param.userIds))
    // Not by the index over both columns, which would look for each id at each user.
    .where(sql<string>`d.device_id || ''`, 'in', texts(param.deviceIds)),
)

const publicKey = (row: {
  readonly algorithm: string
  readonly key_id: string
  readonly key_json: string
}): PublicKeyRecord => ({ algorithm: row.algorithm, keyId: row.key_id, keyJson: row.key_json })

export const deviceKeysReader = (db: Db): DeviceKeysReader => ({
  keysOfUsers: async (userIds) => {
    const rows =
      userIds.length > FEW_USERS ? await db.longAll(keysOfUsers, { userIds }) : await db.all(keysOfUsers, { userIds })
    return devicesByUser(rows)
  },
  keysOfDevice: async (device) => (await db.first(keysOfDevice, { device }))?.keys_json,
  oneTimeKeys: async (device, keyIds) =>
    (await db.all(oneTimeKeys, { device, keyIds })).map((row) => ({ ...publicKey(row), claimed: row.claimed === 1 })),
  fallbackKeys: async (device) => (await db.all(fallbackKeys, { device })).map(publicKey),
  counts: async (device) => {
    const [oneTime, fallback] = [await db.all(counts, { device }), await db.all(fallbackStates, { device })]
    return {
      oneTimeKeys: Object.fromEntries(oneTime.map(({ algorithm, left }) => [algorithm, left])),
      unusedFallbackKeys: fallback.filter(({ used }) => used === 0).map(({ algorithm }) => algorithm),
      position: Math.max(0, ...[...oneTime, ...fallback].map(({ position }) => position)),
    }
  },
  devicesNamed: async (userIds, deviceIds) =>
    (await db.longAll(devicesNamed, { userIds, deviceIds })).map((row) => ({
      userId: row.user_id as UserId,
      user: row.user_number,
      deviceId: row.device_id as DeviceId,
      device: row.device,
    })),
})
