import type { DeviceId, UserId } from '#spec'
import type { DeviceKeysRecord } from '../../ports/encryption/device-keys.ts'

/** More users than these are read off the event loop. */
export const FEW_USERS = 20

/** A device of a user, or a user without any. */
interface DeviceRow {
  readonly user_id: string
  readonly device_id: string | null
  readonly keys_json: string | null
  readonly display_name: string | null
}

/** The devices by user; a user without devices has an empty list. */
export const devicesByUser = (rows: readonly DeviceRow[]): Map<UserId, DeviceKeysRecord[]> => {
  const found = new Map<UserId, DeviceKeysRecord[]>()
  for (const row of rows) {
    const userId = row.user_id as UserId
    const devices = found.get(userId) ?? []
    found.set(userId, devices)
    if (row.device_id === null || row.keys_json === null) continue
    devices.push({
      deviceId: row.device_id as DeviceId,
      displayName: row.display_name ?? undefined,
      keysJson: row.keys_json,
    })
  }
  return found
}
