import type { DeviceId, UserId } from '#spec'
import type {
  DevicesWriter,
  NewDevice,
  NewSession,
  RemovedDevice,
  Sighting,
  StartedSession,
} from '../../ports/accounts/devices.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { removeKeysOf } from '../encryption/device-keys-removal.ts'
import { DEVICE_LISTS, recordChange, recordNewDevice } from '../encryption/device-list-rows.ts'
import { defineWrite, insertInto, queriesOver, type Tx } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'
import { useClient } from './oauth-clients.ts'
import { announceVoided, insertPair } from './tokens-writes.ts'

interface KeyTables {
  readonly cross_signing_keys: { readonly user_number: number; readonly public_key: string }
}

const query = queriesOver<AccountTables & KeyTables>()

export const ownerOf = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('accounts', 'accounts.user_number', 'users.user_number')
    .select(['accounts.user_number', 'deactivated_ms', 'locked_ms', 'awaits_approval'])
    .where('user_id', '=', param.userId),
)
const upsertDevice = query(
  (
    db,
    param: {
      user: number
      deviceId: string
      displayName: string | null
      atMs: number
      ip: string
      userAgent: string | null
      oauthClient: string | null
      administers: number | null
    },
  ) =>
    db
      .insertInto('devices')
      .values({
        user_number: param.user,
        device_id: param.deviceId,
        display_name: param.displayName,
        seen_ms: param.atMs,
        seen_ip: param.ip,
        seen_user_agent: param.userAgent,
        oauth_client: param.oauthClient,
        oauth_admin: param.administers,
      })
      .onConflict((on) =>
        on.columns(['user_number', 'device_id']).doUpdateSet({
          seen_ms: param.atMs,
          seen_ip: param.ip,
          seen_user_agent: param.userAgent,
          oauth_client: param.oauthClient,
          oauth_admin: param.administers,
        }),
      )
      .returning('device'),
)
const countOf = query((db, param: { user: number }) =>
  db
    .selectFrom('devices')
    .select((of) => of.fn.countAll<number>().as('devices'))
    .where('user_number', '=', param.user),
)
const ownerAndName = query((db, param: { device: number }) =>
  db.selectFrom('devices').select(['user_number', 'device_id', 'display_name']).where('device', '=', param.device),
)
const renameDevice = query((db, param: { device: number; displayName: string }) =>
  db.updateTable('devices').set({ display_name: param.displayName }).where('device', '=', param.device),
)
const deviceNamed = query((db, param: { user: number; deviceId: string }) =>
  db
    .selectFrom('devices')
    .select('device')
    .where('user_number', '=', param.user)
    .where('device_id', '=', param.deviceId),
)
const deleteNamed = query((db, param: { user: number; deviceIds: readonly string[] }, { texts }) =>
  db
    .deleteFrom('devices')
    .where('user_number', '=', param.user)
    .where('device_id', 'in', texts(param.deviceIds))
    .returning(['device', 'device_id']),
)
const forgetDehydrated = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('dehydrated_devices').where('device', 'in', integers(param.devices)),
)
const deleteAll = query((db, param: { user: number; except: number }) =>
  db
    .deleteFrom('devices')
    .where('user_number', '=', param.user)
    .where('device', '<>', param.except)
    .where('device', 'not in', (of) =>
      of.selectFrom('dehydrated_devices').select('device').where('user_number', '=', param.user),
    )
    .returning(['device', 'device_id']),
)
const deleteTokens = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('token_pairs').where('device', 'in', integers(param.devices)),
)
const insertGone = insertInto('gone_devices', { device: 'integer', user_number: 'integer', device_id: 'text' })
const storeSighting = query((db, param: { device: number; atMs: number; ip: string; userAgent: string | null }) =>
  db
    .updateTable('devices')
    .set({ seen_ms: param.atMs, seen_ip: param.ip, seen_user_agent: param.userAgent })
    .where('device', '=', param.device),
)

const keyOfThatName = query((db, param: { user: number; deviceId: string }) =>
  db
    .selectFrom('cross_signing_keys')
    .select('public_key')
    .where('user_number', '=', param.user)
    .where('public_key', '=', param.deviceId),
)

/** Signatures name devices and keys of a user alike, so a new device is named like none of the keys. */
const assertNoKey = async (tx: Tx, user: number, deviceId: string): Promise<void> => {
  if ((await tx.first(keyOfThatName, { user, deviceId })) !== undefined) throw new WriteConflict('device-id-is-key')
}

const voidTokens = async (tx: Tx, user: number, devices: readonly number[]): Promise<void> => {
  if (devices.length > 0 && (await tx.run(deleteTokens, { devices })) > 0) announceVoided(tx, user)
}

const startSession = defineWrite(
  'devices.startSession',
  ['sessions', 'deviceLists'],
  async (tx, session: NewSession): Promise<StartedSession> => {
    const owner = await tx.first(ownerOf, { userId: session.userId })
    if (owner === undefined || owner.deactivated_ms !== null) throw new WriteConflict('account-gone')
    if (owner.locked_ms !== null) throw new WriteConflict('account-locked')
    if (owner.awaits_approval === 1) throw new WriteConflict('account-awaits-approval')
    const { oauthClient, seen } = session
    if (oauthClient !== undefined && !(await useClient(tx, oauthClient, seen.atMs)))
      throw new WriteConflict('oauth-client-gone')
    const user = owner.user_number
    const known = await tx.first(deviceNamed, { user, deviceId: session.deviceId })
    if (known === undefined) await assertNoKey(tx, user, session.deviceId)
    if (known === undefined && session.most !== undefined) {
      const { devices = 0 } = (await tx.first(countOf, { user })) ?? {}
      if (devices >= session.most) throw new WriteConflict('too-many-devices')
    }
    const row = await tx.first(upsertDevice, {
      user,
      deviceId: session.deviceId,
      displayName: session.displayName ?? null,
      atMs: session.seen.atMs,
      ip: session.seen.ip,
      userAgent: session.seen.userAgent ?? null,
      oauthClient: session.oauthClient ?? null,
      administers: session.administers === undefined ? null : Number(session.administers),
    })
    if (row === undefined) throw new Error('an inserted device got no number')
    if (known === undefined) await recordNewDevice(tx, user, row.device, session.deviceId)
    await voidTokens(tx, user, [row.device])
    const token = await insertPair(tx, row.device, session.tokens, undefined)
    return { user, device: row.device, token }
  },
)

/** A device that nobody has signed in with. No row: its user has one of that id. */
export const insertDevice = query(
  (db, param: { user: number; deviceId: string; displayName: string | null; atMs: number }) =>
    db
      .insertInto('devices')
      .values({
        user_number: param.user,
        device_id: param.deviceId,
        display_name: param.displayName,
        seen_ms: param.atMs,
        seen_ip: null,
        seen_user_agent: null,
      })
      .onConflict((on) => on.columns(['user_number', 'device_id']).doNothing())
      .returning('device'),
)

const make = defineWrite('devices.make', DEVICE_LISTS, async (tx, wanted: NewDevice): Promise<boolean> => {
  const owner = await tx.first(ownerOf, wanted)
  if (owner === undefined || owner.deactivated_ms !== null) throw new WriteConflict('account-gone')
  const { deviceId, displayName, atMs, most } = wanted
  const user = owner.user_number
  if ((await tx.first(deviceNamed, { user, deviceId })) !== undefined) return false
  await assertNoKey(tx, user, deviceId)
  const { devices = 0 } = (await tx.first(countOf, { user })) ?? {}
  if (devices >= most) throw new WriteConflict('too-many-devices')
  const row = await tx.first(insertDevice, { user, deviceId, displayName: displayName ?? null, atMs })
  if (row === undefined) throw new Error('an inserted device got no number')
  await recordNewDevice(tx, user, row.device, deviceId)
  return true
})

const rename = defineWrite(
  'devices.rename',
  DEVICE_LISTS,
  async (tx, input: { device: number; displayName: string }) => {
    const before = await tx.first(ownerAndName, input)
    if (before === undefined) throw new WriteConflict('device-gone')
    if (before.display_name === input.displayName) return
    await tx.run(renameDevice, input)
    await recordChange(tx, before.user_number, before.device_id)
  },
)

const removed = async (
  tx: Tx,
  user: number,
  rows: readonly { readonly device: number; readonly device_id: string }[],
): Promise<readonly RemovedDevice[]> => {
  await tx.insertMany(
    insertGone,
    rows.map((row) => ({ ...row, user_number: user })),
  )
  const devices = rows.map((row) => ({ device: row.device, deviceId: row.device_id as DeviceId }))
  const numbers = devices.map(({ device }) => device)
  if (numbers.length > 0) await tx.run(forgetDehydrated, { devices: numbers })
  await voidTokens(tx, user, numbers)
  await removeKeysOf(tx, user, devices)
  return devices
}

// Messages and keys are stored for devices that exist, and these locks keep their removal apart from that.
export const REMOVING = ['toDevice', 'deviceLists', 'sessions'] as const

export const removeNamed = async (
  tx: Tx,
  user: number,
  deviceIds: readonly DeviceId[],
): Promise<readonly RemovedDevice[]> => removed(tx, user, await tx.all(deleteNamed, { user, deviceIds }))

const remove = defineWrite(
  'devices.remove',
  REMOVING,
  async (tx, input: { userId: UserId; deviceIds: readonly DeviceId[] }) => {
    const owner = await tx.first(ownerOf, input)
    if (owner === undefined) return []
    return removeNamed(tx, owner.user_number, input.deviceIds)
  },
)

const removeAll = defineWrite(
  'devices.removeAll',
  REMOVING,
  async (tx, input: { userId: UserId; except: number | undefined }) => {
    const owner = await tx.first(ownerOf, input)
    if (owner === undefined) return []
    const user = owner.user_number
    // Numbers of devices begin at 1.
    return removed(tx, user, await tx.all(deleteAll, { user, except: input.except ?? 0 }))
  },
)

const recordSightings = defineWrite(
  'devices.recordSightings',
  async (tx, input: { sightings: readonly (Sighting & { readonly device: number })[] }) => {
    for (const { device, atMs, ip, userAgent } of input.sightings) {
      await tx.run(storeSighting, { device, atMs, ip, userAgent: userAgent ?? null })
    }
  },
)

export const devicesWrites = [startSession, make, rename, remove, removeAll, recordSightings]

export const devicesWriter: DevicesWriter = {
  startSession,
  make,
  rename: (device, displayName) => rename({ device, displayName }),
  remove: (userId, deviceIds) => remove({ userId, deviceIds }),
  removeAll: (userId, except) => removeAll({ userId, except }),
  recordSightings: (sightings) => recordSightings({ sightings }),
}
