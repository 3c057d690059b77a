import type { DeviceId, UserId } from '#spec'
import type {
  DehydratedDevicesReader,
  DehydratedDevicesWriter,
  NewDehydratedDevice,
} from '../../ports/encryption/dehydrated-devices.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { deviceKeysUpload } from '../encryption/device-keys-writes.ts'
import { type Db, defineWrite, insertInto, queriesOver, type Tx } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'
import { insertDevice, ownerOf, REMOVING, removeNamed } from './devices-writes.ts'

const query = queriesOver<AccountTables>()

const dehydratedOf = query((db, param: { user: number }) =>
  db
    .selectFrom('dehydrated_devices as h')
    .innerJoin('devices as d', 'd.device', 'h.device')
    .select(['d.device', 'd.device_id', 'h.device_data_json'])
    .where('h.user_number', '=', param.user),
)
const insertDehydrated = insertInto('dehydrated_devices', {
  user_number: 'integer',
  device: 'integer',
  device_data_json: 'text',
})

/** Removes the device that the user has dehydrated. Returns its id. */
const removeOld = async (tx: Tx, user: number): Promise<DeviceId | undefined> => {
  const before = await tx.first(dehydratedOf, { user })
  if (before === undefined) return undefined
  await removeNamed(tx, user, [before.device_id as DeviceId])
  return before.device_id as DeviceId
}

const put = defineWrite('dehydratedDevices.put', REMOVING, async (tx, input: NewDehydratedDevice): Promise<void> => {
  const { userId, deviceId, displayName, deviceDataJson, atMs, ...keys } = input
  const owner = await tx.first(ownerOf, { userId })
  if (owner === undefined || owner.deactivated_ms !== null) throw new WriteConflict('account-gone')
  const user = owner.user_number
  await removeOld(tx, user)
  const made = await tx.first(insertDevice, { user, deviceId, displayName: displayName ?? null, atMs })
  if (made === undefined) throw new WriteConflict('device-exists')
  await tx.insertMany(insertDehydrated, [{ user_number: user, device: made.device, device_data_json: deviceDataJson }])
  await deviceKeysUpload.perform(tx, { ...keys, user, device: made.device, deviceId })
})

const remove = defineWrite(
  'dehydratedDevices.remove',
  REMOVING,
  async (tx, { userId }: { userId: UserId }): Promise<DeviceId | undefined> => {
    const owner = await tx.first(ownerOf, { userId })
    return owner === undefined ? undefined : removeOld(tx, owner.user_number)
  },
)

export const dehydratedDeviceWrites = [put, remove]

export const dehydratedDevicesWriter: DehydratedDevicesWriter = { put, remove: (userId) => remove({ userId }) }

export const dehydratedDevicesReader = (db: Db): DehydratedDevicesReader => ({
  dehydratedDevice: async (user) => {
    const row = await db.first(dehydratedOf, { user })
    if (row === undefined) return undefined
    return { device: row.device, deviceId: row.device_id as DeviceId, deviceDataJson: row.device_data_json }
  },
})
