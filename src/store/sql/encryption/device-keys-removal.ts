import type { RemovedDevice } from '../../ports/accounts/devices.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type { Tx } from '../engine/index.ts'
import { recordChange } from './device-list-rows.ts'
import { removeSignatures } from './signature-removal.ts'
import { query } from './tables.ts'

const deleteKeys = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('device_keys').where('device', 'in', integers(param.devices)).returning('device_id'),
)
const deleteOneTimeKeys = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('one_time_keys').where('device', 'in', integers(param.devices)),
)
const deleteFallbackKeys = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('fallback_keys').where('device', 'in', integers(param.devices)),
)

/** Removes all keys of devices that go, and the signatures on and by them, in the transaction that removes them; it declares the stream `deviceLists`. */
export const removeKeysOf = async (tx: Tx, user: UserNumber, removed: readonly RemovedDevice[]): Promise<void> => {
  const [first, ...more] = removed
  if (first === undefined) return
  const devices = removed.map(({ device }) => device)
  await tx.run(deleteOneTimeKeys, { devices })
  await tx.run(deleteFallbackKeys, { devices })
  const gone = await tx.all(deleteKeys, { devices })
  await removeSignatures(
    tx,
    user,
    gone.map((row) => row.device_id),
  )
  await recordChange(tx, user, more.length === 0 ? first.deviceId : null)
}
