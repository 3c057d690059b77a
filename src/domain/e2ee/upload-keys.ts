import type { Logger } from '#base'
import { type DeviceId, type JsonObject, MatrixError, type UserId } from '#spec'
import {
  type Commit,
  type DeviceKeysReader,
  type DeviceKeysWriter,
  type DeviceNumber,
  type PublicKeyRecord,
  QueuedChanges,
  type UserNumber,
  WriteConflict,
} from '#store'
import { checkedDeviceKeys, checkedFallbackKeys, checkedPublicKeys, isSameKey } from './public-keys.ts'

/** A device with its owner, by ids and by internal numbers. */
export interface OwnDevice {
  readonly userId: UserId
  readonly user: UserNumber
  readonly deviceId: DeviceId
  readonly device: DeviceNumber
}

export interface UploadKeysParts {
  readonly reader: DeviceKeysReader
  readonly writer: DeviceKeysWriter
  readonly commit: Commit
  readonly logger: Logger
  /** The most unclaimed one-time keys of a device. */
  readonly maxOneTimeKeys: number
}

/** `POST /keys/upload`. Client-server API, "Uploading keys". */
export class UploadKeys {
  readonly #parts: UploadKeysParts
  readonly #changes = new QueuedChanges<DeviceNumber>()
  #replaced = 0

  constructor(parts: UploadKeysParts) {
    this.#parts = parts
  }

  /** How often a device replaced its identity keys. */
  get replaced(): number {
    return this.#replaced
  }

  /**
   * Stores what is new of the keys in `body`: `device_keys`, `one_time_keys`, `fallback_keys`. Returns the number of unclaimed one-time keys
   * by algorithm. Throws `M_BAD_JSON`, `M_INVALID_PARAM`, `M_TOO_LARGE`; `M_UNKNOWN` (400) for another key with the id of one that is there;
   * `M_UNKNOWN_TOKEN` where the device was removed meanwhile.
   */
  async upload(owner: OwnDevice, body: JsonObject): Promise<Readonly<Record<string, number>>> {
    const keysJson = body.device_keys === undefined ? undefined : checkedDeviceKeys(body.device_keys, owner)
    const oneTimeKeys = checkedPublicKeys(body.one_time_keys, 'one_time_keys')
    const fallbackKeys = checkedFallbackKeys(body.fallback_keys)
    if (oneTimeKeys.length > this.#parts.maxOneTimeKeys) throw this.#tooMany()
    return this.#changes.run(owner.device, async () => {
      try {
        await this.#store(owner, keysJson, oneTimeKeys, fallbackKeys)
      } catch (error) {
        if (!(error instanceof WriteConflict)) throw error
        if (error.kind === 'device-gone') throw new MatrixError('M_UNKNOWN_TOKEN', 'This device was removed')
        if (error.kind === 'too-many-one-time-keys') throw this.#tooMany()
        throw error
      }
      return withSignedKeys((await this.#parts.reader.counts(owner.device)).oneTimeKeys)
    })
  }

  /** Commits only if something is new: clients repeat uploads in a loop, and reading is cheap. */
  async #store(
    owner: OwnDevice,
    keysJson: string | undefined,
    oneTimeKeys: readonly PublicKeyRecord[],
    fallbackKeys: readonly PublicKeyRecord[],
  ): Promise<void> {
    const { reader, writer, commit, maxOneTimeKeys, logger } = this.#parts
    const { user, device, deviceId } = owner
    const isNew = keysJson !== undefined && keysJson !== (await reader.keysOfDevice(device))
    const upload = {
      ...{ user, device, deviceId, maxOneTimeKeys },
      keysJson: isNew ? keysJson : undefined,
      oneTimeKeys: await this.#newOneTimeKeys(device, oneTimeKeys),
      fallbackKeys: await this.#newFallbackKeys(device, fallbackKeys),
    }
    if (!isNew && upload.oneTimeKeys.length === 0 && upload.fallbackKeys.length === 0) return
    const [{ replacedKeys }] = await commit([writer.upload(upload)])
    // To other clients a device whose identity keys change looks like an attack.
    if (!replacedKeys) return
    this.#replaced++
    logger.warn({ userId: owner.userId, deviceId }, 'a device replaced its identity keys')
  }

  async #newOneTimeKeys(device: DeviceNumber, keys: readonly PublicKeyRecord[]): Promise<readonly PublicKeyRecord[]> {
    if (keys.length === 0) return []
    const stored = await this.#parts.reader.oneTimeKeys(
      device,
      keys.map(({ keyId }) => keyId),
    )
    const byName = new Map(stored.map((key) => [nameOf(key), key]))
    return keys.filter((key) => {
      const before = byName.get(nameOf(key))
      if (before === undefined) return true
      if (isSameKey(before.keyJson, key.keyJson)) return false
      if (!before.claimed) throw keyExists(nameOf(key), before.keyJson, key.keyJson)
      return true
    })
  }

  /** The same key again does not count as unused again. */
  async #newFallbackKeys(device: DeviceNumber, keys: readonly PublicKeyRecord[]): Promise<readonly PublicKeyRecord[]> {
    if (keys.length === 0) return []
    const stored = await this.#parts.reader.fallbackKeys(device)
    return keys.filter(
      (key) => !stored.some((before) => nameOf(before) === nameOf(key) && isSameKey(before.keyJson, key.keyJson)),
    )
  }

  #tooMany(): MatrixError {
    const { maxOneTimeKeys } = this.#parts
    return new MatrixError('M_TOO_LARGE', `A device has at most ${maxOneTimeKeys} one-time keys`, { status: 400 })
  }
}

/** Clients take an algorithm that is not listed for one whose count did not change, so the one that all use is always there. */
export const withSignedKeys = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> => ({
  signed_curve25519: 0,
  ...counts,
})

const nameOf = ({ algorithm, keyId }: PublicKeyRecord): string => `${algorithm}:${keyId}`

/** The text is read by clients, which give up the key by it. */
const keyExists = (name: string, before: string, now: string): MatrixError =>
  new MatrixError('M_UNKNOWN', `One time key ${name} already exists. Old key: ${before}; new key: ${now}`, {
    status: 400,
  })
