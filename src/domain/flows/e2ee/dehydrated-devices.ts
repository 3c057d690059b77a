import type { Clock } from '#base'
import { type DeviceId, type JsonObject, MatrixError, type UserId } from '#spec'
import {
  type Commit,
  type DehydratedDevice,
  type DehydratedDevicesReader,
  type DehydratedDevicesWriter,
  type ToDeviceReader,
  type UserNumber,
  type WaitingMessages,
  WriteConflict,
} from '#store'
import { clipDisplayName } from '../../devices/index.ts'
import { checkedDeviceKeys, checkedFallbackKeys, checkedPublicKeys } from '../../e2ee/index.ts'
import type { DeviceTraces } from '../sessions/end-sessions.ts'

const MAX_DATA_BYTES = 65_536
/** Bytes of messages in one answer, unless the first alone is larger. */
const BYTES = 1024 * 1024
const PLACE = /^\d{1,15}$/

export interface DehydratedDevicesParts {
  readonly reader: DehydratedDevicesReader
  readonly writer: DehydratedDevicesWriter
  readonly messages: ToDeviceReader
  readonly traces: DeviceTraces
  readonly commit: Commit
  readonly clock: Clock
  /** The most unclaimed one-time keys of a device. */
  readonly maxOneTimeKeys: number
}

export interface Dehydration {
  readonly deviceId: DeviceId
  readonly displayName: string | undefined
  readonly data: JsonObject
  /** With `device_keys`, `one_time_keys` and `fallback_keys`, as for `/keys/upload`. */
  readonly keys: JsonObject
}

interface Owner {
  readonly userId: UserId
  readonly user: UserNumber
}

/** One page of messages, and the place behind it. */
export interface DehydratedMessages extends WaitingMessages {
  readonly reached: string
}

/** A user's one device that receives room keys while nobody is logged in, for the next login to read (MSC3814). */
export class DehydratedDevices {
  readonly #parts: DehydratedDevicesParts

  constructor(parts: DehydratedDevicesParts) {
    this.#parts = parts
  }

  /**
   * Makes the device in place of the one before it, with all its keys, in one commit. Throws `M_BAD_JSON`, `M_INVALID_PARAM`, `M_TOO_LARGE` for what
   * is no such device, and for the id of another device of the user.
   */
  async put({ userId }: Owner, { deviceId, displayName, data, keys }: Dehydration): Promise<void> {
    const { writer, traces, commit, clock, maxOneTimeKeys } = this.#parts
    const deviceDataJson = JSON.stringify(data)
    if (Buffer.byteLength(deviceDataJson) > MAX_DATA_BYTES)
      throw tooLarge(`device_data has more than ${MAX_DATA_BYTES} bytes`)
    if (keys.device_keys === undefined) throw new MatrixError('M_MISSING_PARAM', 'device_keys is missing')
    const oneTimeKeys = checkedPublicKeys(keys.one_time_keys, 'one_time_keys')
    if (oneTimeKeys.length > maxOneTimeKeys) throw tooLarge(`A device has at most ${maxOneTimeKeys} one-time keys`)
    const device = {
      ...{ userId, deviceId, deviceDataJson, oneTimeKeys, maxOneTimeKeys },
      displayName: displayName === undefined ? undefined : clipDisplayName(displayName),
      keysJson: checkedDeviceKeys(keys.device_keys, { userId, deviceId }),
      fallbackKeys: checkedFallbackKeys(keys.fallback_keys),
      atMs: clock.nowMs(),
    }
    try {
      await commit([writer.put(device), ...traces.orphansOf(userId)])
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'device-exists') throw error
      throw new MatrixError('M_INVALID_PARAM', 'You have a device of this id, which is logged in')
    }
  }

  /** Throws `M_NOT_FOUND`. */
  async get({ user }: Owner): Promise<DehydratedDevice> {
    const found = await this.#parts.reader.dehydratedDevice(user)
    if (found === undefined) throw notFound()
    return found
  }

  /** Removes the device with its keys and messages. Returns its id. Throws `M_NOT_FOUND`. */
  async remove({ userId }: Owner): Promise<DeviceId> {
    const { writer, traces, commit } = this.#parts
    const [removed] = await commit([writer.remove(userId), ...traces.orphansOf(userId)])
    if (removed === undefined) throw notFound()
    return removed
  }

  /**
   * Messages that were sent to the device, behind a place, oldest first. Reading takes none away: if the client that reads fails, another begins
   * anew. Throws `M_NOT_FOUND`; `M_FORBIDDEN` for another device; `M_INVALID_PARAM` for what is no place.
   */
  async messages(
    owner: Owner,
    deviceId: DeviceId,
    from: string | undefined,
    limit: number,
  ): Promise<DehydratedMessages> {
    const found = await this.get(owner)
    if (found.deviceId !== deviceId) throw new MatrixError('M_FORBIDDEN', 'This is not your dehydrated device')
    if (from !== undefined && !PLACE.test(from)) throw new MatrixError('M_INVALID_PARAM', 'This names no place')
    const after = Number(from ?? 0)
    const upTo = Number.MAX_SAFE_INTEGER
    const page = await this.#parts.messages.messages({ device: found.device, after, upTo, limit, limitBytes: BYTES })
    return { ...page, reached: String(page.messages.at(-1)?.position ?? after) }
  }
}

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'You have no dehydrated device')

const tooLarge = (text: string): MatrixError => new MatrixError('M_TOO_LARGE', text, { status: 400 })
