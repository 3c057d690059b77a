import type { DeviceNumber } from '../../ports/accounts/devices.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type { Tx } from '../engine/index.ts'
import { recordChange } from './device-list-rows.ts'
import { query } from './tables.ts'

const deleteKeys = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('device_keys').where('device', 'in', integers(param.devices)),
)
const deleteOneTimeKeys = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('one_time_keys').where('device', 'in', integers(param.devices)),
)
const deleteFallbackKeys = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('fallback_keys').where('device', 'in', integers(param.devices)),
)

/** Removes all keys of devices that go, in the transaction that removes them; it declares the stream `deviceLists`. */
export const removeKeysOf = async (tx: Tx, user: UserNumber, devices: readonly DeviceNumber[]): Promise<void> => {
  if (devices.length === 0) return
  await tx.run(deleteOneTimeKeys, { devices })
  await tx.run(deleteFallbackKeys, { devices })
  if ((await tx.run(deleteKeys, { devices })) > 0) await recordChange(tx, user, 'sharers')
}
