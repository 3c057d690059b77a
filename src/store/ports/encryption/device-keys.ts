import type { DeviceId, UserId } from '#spec'
import type { DeviceNumber } from '../accounts/devices.ts'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** A one-time or fallback key, a text or an object, as JSON text. */
export interface PublicKeyRecord {
  readonly algorithm: string
  readonly keyId: string
  readonly keyJson: string
}

export interface OneTimeKeyRecord extends PublicKeyRecord {
  /** Given out already. It is kept for a while, so that a repeated upload does not offer it again. */
  readonly claimed: boolean
}

/** The identity keys that a device uploaded, as canonical JSON without `unsigned`. */
export interface DeviceKeysRecord {
  readonly deviceId: DeviceId
  readonly displayName: string | undefined
  readonly keysJson: string
}

export interface KeyCounts {
  /** Unclaimed one-time keys by algorithm. */
  readonly oneTimeKeys: Readonly<Record<string, number>>
  /** Algorithms with a fallback key that nobody was given yet. */
  readonly unusedFallbackKeys: readonly string[]
  /** Position in the stream `toDevice` of the newest change. */
  readonly position: number
}

/** Keys of devices of local users (client-server API, "End-to-End Encryption"). */
export interface DeviceKeysReader {
  /** All devices that have keys, of those of these users who have an account. */
  keysOfUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceKeysRecord[]>>
  keysOfDevice(device: DeviceNumber): Promise<string | undefined>
  /** The stored keys with one of these ids. */
  oneTimeKeys(device: DeviceNumber, keyIds: readonly string[]): Promise<readonly OneTimeKeyRecord[]>
  fallbackKeys(device: DeviceNumber): Promise<readonly PublicKeyRecord[]>
  counts(device: DeviceNumber): Promise<KeyCounts>
  /** Devices of any of these users with any of these ids. */
  devicesNamed(
    userIds: readonly UserId[],
    deviceIds: readonly DeviceId[],
  ): Promise<
    readonly {
      readonly userId: UserId
      readonly user: UserNumber
      readonly deviceId: DeviceId
      readonly device: DeviceNumber
    }[]
  >
}

export interface KeysUpload {
  readonly user: UserNumber
  readonly device: DeviceNumber
  readonly deviceId: DeviceId
  readonly keysJson: string | undefined
  readonly oneTimeKeys: readonly PublicKeyRecord[]
  readonly fallbackKeys: readonly PublicKeyRecord[]
  /** The most unclaimed one-time keys that the device may have. */
  readonly maxOneTimeKeys: number
}

export interface UploadOutcome {
  /** The identity keys differ from those that the device had. */
  readonly replacedKeys: boolean
}

export interface KeyClaim {
  readonly user: UserNumber
  readonly device: DeviceNumber
  readonly algorithm: string
}

export interface ClaimedKey extends PublicKeyRecord {
  readonly device: DeviceNumber
}

export interface DeviceKeysWriter {
  /**
   * Stores new keys. Changed identity keys are announced in the stream `deviceLists`, changed counts in `toDevice`. Conflicts: `device-gone`,
   * `one-time-key-exists` (an unclaimed one, or a claimed one that is the same), `too-many-one-time-keys`.
   */
  upload(upload: KeysUpload): Change<UploadOutcome>
  /**
   * Gives out one key for each claim: the one-time key that was uploaded first, which nobody is given again; or the fallback key. Devices
   * without either are left out. Announces changed counts to the owners in the stream `toDevice`.
   */
  claim(claims: readonly KeyClaim[]): Change<readonly ClaimedKey[]>
}
