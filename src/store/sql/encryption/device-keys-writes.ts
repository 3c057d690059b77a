import { sql } from 'kysely'
import type {
  ClaimedKey,
  DeviceKeysWriter,
  KeyClaim,
  KeysUpload,
  PublicKeyRecord,
  UploadOutcome,
} from '../../ports/encryption/device-keys.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, insertInto, type Tx } from '../engine/index.ts'
import { recordChange } from './device-list-rows.ts'
import { removeSignatures } from './signature-removal.ts'
import { query } from './tables.ts'

/** Claimed keys that are kept at each upload; clients themselves keep about as many private keys. */
const CLAIMED_KEPT = 100

const deviceExists = query((db, param: { device: number }) =>
  db.selectFrom('devices').select('device').where('device', '=', param.device),
)
const keysOf = query((db, param: { device: number }) =>
  db.selectFrom('device_keys').select('keys_json').where('device', '=', param.device),
)
const upsertKeys = query((db, param: { device: number; user: UserNumber; deviceId: string; keysJson: string }) =>
  db
    .insertInto('device_keys')
    .values({
      device: param.device,
      user_number: param.user,
      device_id: param.deviceId,
      keys_json: param.keysJson,
    })
    .onConflict((on) => on.column('device').doUpdateSet({ keys_json: param.keysJson })),
)

// The literals make the partial indexes usable.
const unclaimedCount = query((db, param: { device: number }) =>
  db
    .selectFrom('one_time_keys')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('device', '=', param.device)
    .where('claimed', '=', sql.lit(0)),
)
const oldestClaimedKept = query((db, param: { device: number; kept: number }) =>
  db
    .selectFrom('one_time_keys')
    .select('one_time_key')
    .where('device', '=', param.device)
    .where('claimed', '=', sql.lit(1))
    .orderBy('one_time_key', 'desc')
    .limit(1)
    .offset(param.kept),
)
const deleteClaimed = query((db, param: { device: number; upTo: number }) =>
  db
    .deleteFrom('one_time_keys')
    .where('device', '=', param.device)
    .where('claimed', '=', sql.lit(1))
    .where('one_time_key', '<=', param.upTo),
)
/** A new key may have the id of one that was given out. */
const deleteReplaced = query((db, param: { device: number; algorithm: string; keyId: string; keyJson: string }) =>
  db
    .deleteFrom('one_time_keys')
    .where('device', '=', param.device)
    .where('algorithm', '=', param.algorithm)
    .where('key_id', '=', param.keyId)
    .where('claimed', '=', sql.lit(1))
    .where('key_json', '<>', param.keyJson),
)
const claimedAmong = query((db, param: { device: number; keyIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('one_time_keys')
    .select(['algorithm', 'key_id'])
    .where('device', '=', param.device)
    .where('key_id', 'in', texts(param.keyIds))
    .where('claimed', '=', sql.lit(1)),
)
const insertOneTimeKeys = insertInto(
  'one_time_keys',
  {
    device: 'integer',
    algorithm: 'text',
    key_id: 'text',
    key_json: 'text',
    claimed: 'integer',
    position: 'integer',
  },
  { ifExists: 'one-time-key-exists' },
)
const upsertFallback = query((db, param: PublicKeyRecord & { device: number; position: number }) =>
  db
    .insertInto('fallback_keys')
    .values({
      device: param.device,
      algorithm: param.algorithm,
      key_id: param.keyId,
      key_json: param.keyJson,
      used: sql.lit(0),
      position: param.position,
    })
    .onConflict((on) =>
      on.columns(['device', 'algorithm']).doUpdateSet({
        key_id: param.keyId,
        key_json: param.keyJson,
        used: sql.lit(0),
        position: param.position,
      }),
    ),
)

const claimFirst = query(
  (db, param: { devices: readonly number[]; algorithm: string; position: number }, { integers }) =>
    db
      .updateTable('one_time_keys')
      .set({ claimed: 1, position: param.position })
      .where('one_time_key', 'in', (eb) =>
        eb
          .selectFrom('devices as d')
          .select((inner) =>
            inner
              .selectFrom('one_time_keys as k')
              .select((key) => key.fn.min('k.one_time_key').as('first'))
              .whereRef('k.device', '=', 'd.device')
              .where('k.algorithm', '=', param.algorithm)
              .where('k.claimed', '=', sql.lit(0))
              .as('first'),
          )
          .where('d.device', 'in', integers(param.devices)),
      )
      .returning(['device', 'key_id', 'key_json']),
)
const useFallback = query(
  (db, param: { devices: readonly number[]; algorithm: string; position: number }, { integers }) =>
    db
      .updateTable('fallback_keys')
      .set({ position: sql<number>`case when used = 0 then ${param.position} else position end`, used: 1 })
      .where('device', 'in', integers(param.devices))
      .where('algorithm', '=', param.algorithm)
      .returning(['device', 'key_id', 'key_json', 'position']),
)

const storeKeys = async (tx: Tx, upload: KeysUpload, keysJson: string): Promise<boolean> => {
  const { user, device, deviceId } = upload
  const before = await tx.first(keysOf, { device })
  if (before?.keys_json === keysJson) return false
  if (before !== undefined) await removeSignatures(tx, user, [deviceId])
  await tx.run(upsertKeys, { device, user, deviceId, keysJson })
  await recordChange(tx, user, deviceId)
  return before !== undefined
}

const storeOneTimeKeys = async (tx: Tx, upload: KeysUpload, position: number): Promise<void> => {
  const { device, oneTimeKeys } = upload
  if (oneTimeKeys.length === 0) return
  const { count = 0 } = (await tx.first(unclaimedCount, { device })) ?? {}
  if (count + oneTimeKeys.length > upload.maxOneTimeKeys) throw new WriteConflict('too-many-one-time-keys')
  const keyIds = oneTimeKeys.map(({ keyId }) => keyId)
  const given = await tx.all(claimedAmong, { device, keyIds })
  for (const { algorithm, keyId, keyJson } of oneTimeKeys) {
    const isGiven = given.some((row) => row.algorithm === algorithm && row.key_id === keyId)
    if (isGiven) await tx.run(deleteReplaced, { device, algorithm, keyId, keyJson })
  }
  const old = await tx.first(oldestClaimedKept, { device, kept: CLAIMED_KEPT })
  if (old !== undefined) await tx.run(deleteClaimed, { device, upTo: old.one_time_key })
  const rows = oneTimeKeys.map(({ algorithm, keyId, keyJson }) => ({
    device,
    algorithm,
    key_id: keyId,
    key_json: keyJson,
    claimed: 0,
    position,
  }))
  await tx.insertMany(insertOneTimeKeys, rows)
}

const announceCounts = (tx: Tx, position: number, users: Iterable<UserNumber>): void =>
  tx.announce({ stream: 'toDevice', position, rooms: [], users: [...new Set(users)] })

const upload = defineWrite(
  'deviceKeys.upload',
  ['deviceLists', 'toDevice'],
  async (tx, input: KeysUpload): Promise<UploadOutcome> => {
    const { device, user, keysJson, oneTimeKeys, fallbackKeys } = input
    if ((await tx.first(deviceExists, { device })) === undefined) throw new WriteConflict('device-gone')
    if (oneTimeKeys.length > 0 || fallbackKeys.length > 0) {
      const position = tx.next('toDevice', 1)
      await storeOneTimeKeys(tx, input, position)
      for (const key of fallbackKeys) await tx.run(upsertFallback, { ...key, device, position })
      announceCounts(tx, position, [user])
    }
    return { replacedKeys: keysJson !== undefined && (await storeKeys(tx, input, keysJson)) }
  },
)

const claimOf = async (
  tx: Tx,
  algorithm: string,
  claims: readonly KeyClaim[],
  position: number,
): Promise<{ readonly keys: readonly ClaimedKey[]; readonly changed: ReadonlySet<number> }> => {
  const devices = claims.map(({ device }) => device)
  const first = await tx.all(claimFirst, { devices, algorithm, position })
  const served = new Set(first.map(({ device }) => device))
  const others = devices.filter((device) => !served.has(device))
  const fallback = others.length === 0 ? [] : await tx.all(useFallback, { devices: others, algorithm, position })
  return {
    keys: [...first, ...fallback].map((row) => ({
      device: row.device,
      algorithm,
      keyId: row.key_id,
      keyJson: row.key_json,
    })),
    changed: new Set([...served, ...fallback.flatMap((row) => (row.position === position ? [row.device] : []))]),
  }
}

const claim = defineWrite(
  'deviceKeys.claim',
  ['toDevice'],
  async (tx, input: { claims: readonly KeyClaim[] }): Promise<readonly ClaimedKey[]> => {
    const byAlgorithm = new Map<string, KeyClaim[]>()
    for (const one of input.claims) {
      const held = byAlgorithm.get(one.algorithm)
      if (held === undefined) byAlgorithm.set(one.algorithm, [one])
      else held.push(one)
    }
    const position = tx.next('toDevice', 1)
    const keys: ClaimedKey[] = []
    const owners = new Set<UserNumber>()
    for (const [algorithm, claims] of byAlgorithm) {
      const found = await claimOf(tx, algorithm, claims, position)
      keys.push(...found.keys)
      for (const { user, device } of claims) if (found.changed.has(device)) owners.add(user)
    }
    announceCounts(tx, position, owners)
    return keys
  },
)

/** For the write that makes a device together with its keys. */
export { upload as deviceKeysUpload }

export const deviceKeysWrites = [upload, claim]

export const deviceKeysWriter: DeviceKeysWriter = { upload, claim: (claims) => claim({ claims }) }
