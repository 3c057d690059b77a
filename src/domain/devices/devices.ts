import type { Clock } from '#base'
import { type DeviceId, MatrixError, type UserId } from '#spec'
import {
  type Change,
  type Commit,
  type DeviceNumber,
  type DeviceRecord,
  type DevicesReader,
  type DevicesWriter,
  type RemovedDevice,
  WriteConflict,
} from '#store'
import type { LastSeen } from './last-seen.ts'

const MAX_DISPLAY_NAME_LENGTH = 256

export interface DevicesParts {
  readonly reader: DevicesReader
  readonly writer: DevicesWriter
  readonly commit: Commit
  readonly lastSeen: LastSeen
  readonly clock: Clock
  readonly maxDevices: number
}

/** The devices of local users. Client-server API, "Device Management". */
export class Devices {
  readonly #parts: DevicesParts

  constructor(parts: DevicesParts) {
    this.#parts = parts
  }

  async list(userId: UserId): Promise<readonly DeviceRecord[]> {
    return (await this.#parts.reader.devicesOf(userId)).map((device) => this.#withLatestSighting(device))
  }

  async device(userId: UserId, deviceId: DeviceId): Promise<DeviceRecord | undefined> {
    const device = await this.#parts.reader.device(userId, deviceId)
    return device === undefined ? undefined : this.#withLatestSighting(device)
  }

  /** Throws `M_NOT_FOUND`, and `M_TOO_LARGE` (400) for a long name. */
  async rename(userId: UserId, deviceId: DeviceId, displayName: string): Promise<void> {
    const name = shortName(displayName)
    const device = await this.#parts.reader.device(userId, deviceId)
    if (device === undefined) throw deviceNotFound()
    try {
      await this.#parts.commit([this.#parts.writer.rename(device.device, name)])
    } catch (error) {
      if (error instanceof WriteConflict && error.kind === 'device-id-is-key')
        throw new MatrixError('M_INVALID_PARAM', 'One of the cross-signing keys of the user has that name')
      throw error instanceof WriteConflict ? deviceNotFound() : error
    }
  }

  /**
   * Makes a device without a session, or renames the one that is there. Returns whether it was made. Throws `M_TOO_LARGE` (400), and
   * `M_USER_LIMIT_EXCEEDED` for a user who has too many devices.
   */
  async makeOrRename(userId: UserId, deviceId: DeviceId, displayName: string | undefined): Promise<boolean> {
    const { commit, writer, clock, maxDevices: most } = this.#parts
    const name = displayName === undefined ? undefined : shortName(displayName)
    try {
      const [made] = await commit([
        writer.make({ userId, deviceId, displayName: name, atMs: clock.nowMs(), most }),
      ] as const)
      if (made) return true
    } catch (error) {
      if (error instanceof WriteConflict && error.kind === 'too-many-devices')
        throw new MatrixError('M_USER_LIMIT_EXCEEDED', 'The user has as many devices as a user may have')
      throw error instanceof WriteConflict ? deviceNotFound() : error
    }
    if (displayName !== undefined) await this.rename(userId, deviceId, displayName)
    return false
  }

  remove(userId: UserId, deviceIds: readonly DeviceId[]): Change<readonly RemovedDevice[]> {
    return this.#parts.writer.remove(userId, deviceIds)
  }

  /** Removes all devices but one. */
  removeAll(userId: UserId, except?: DeviceNumber): Change<readonly RemovedDevice[]> {
    return this.#parts.writer.removeAll(userId, except)
  }

  #withLatestSighting(device: DeviceRecord): DeviceRecord {
    const latest = this.#parts.lastSeen.latest(device.device)
    if (latest === undefined) return device
    return { ...device, lastSeenAtMs: latest.atMs, lastSeenIp: latest.ip, lastSeenUserAgent: latest.userAgent }
  }
}

/** Throws `M_TOO_LARGE` (400) for a long name. */
const shortName = (name: string): string => {
  if (name.length > MAX_DISPLAY_NAME_LENGTH)
    throw new MatrixError('M_TOO_LARGE', `A device name has at most ${MAX_DISPLAY_NAME_LENGTH} characters`, {
      status: 400,
    })
  return clipDisplayName(name)
}

/** Makes a name storable: no U+0000, no lone surrogates, not too long. */
export const clipDisplayName = (name: string): string =>
  name.slice(0, MAX_DISPLAY_NAME_LENGTH).toWellFormed().replaceAll('\0', '')

export const deviceNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such device')
