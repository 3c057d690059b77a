import type { DeviceId, UserId } from '#spec'
import type { DeviceNumber } from '../accounts/devices.ts'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'
import type { KeysUpload } from './device-keys.ts'

/** A device that has no session and receives messages; a later login of the user takes them over (MSC3814). */
export interface DehydratedDevice {
  readonly device: DeviceNumber
  readonly deviceId: DeviceId
  /** An object, as JSON text. */
  readonly deviceDataJson: string
}

export interface NewDehydratedDevice extends Pick<KeysUpload, 'oneTimeKeys' | 'fallbackKeys' | 'maxOneTimeKeys'> {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly displayName: string | undefined
  readonly deviceDataJson: string
  readonly keysJson: string
  readonly atMs: number
}

export interface DehydratedDevicesWriter {
  /** Makes the device with its keys, in place of the one that the user had. Conflicts: `account-gone`; `device-exists`, where another device of the user has that id. */
  put(device: NewDehydratedDevice): Change<void>
  /** Removes the device. Returns its id; undefined: the user has none. */
  remove(userId: UserId): Change<DeviceId | undefined>
}

export interface DehydratedDevicesReader {
  dehydratedDevice(user: UserNumber): Promise<DehydratedDevice | undefined>
}
