import { type DeviceId, type JsonObject, MatrixError, type UserId } from '#spec'
import type {
  Change,
  Commit,
  CrossSigningKeyRecord,
  CrossSigningReader,
  CrossSigningWriter,
  DeviceKeysReader,
  UserNumber,
} from '#store'
import { assertSignedByMaster, checkedCrossSigningKey, isSameSigned, KEY_MEMBERS } from './cross-signing-keys.ts'

export interface KeysOwner {
  readonly userId: UserId
  readonly user: UserNumber
}

/** New keys, ready to be stored. */
export interface KeySetting {
  /** All keys that the user had. */
  readonly before: readonly CrossSigningKeyRecord[]
  /** Keys that the request changes; empty for a repeated request. */
  readonly keys: readonly CrossSigningKeyRecord[]
}

/** Data of a user that is worth nothing once the master key is another. */
export interface IdentityTraces {
  /** Removes it, in the commit that replaces the key. */
  endingWithIdentity(userId: UserId): readonly Change<unknown>[]
}

export interface CrossSigningParts {
  readonly reader: CrossSigningReader
  readonly writer: CrossSigningWriter
  readonly devices: Pick<DeviceKeysReader, 'devicesNamed'>
  readonly traces: IdentityTraces
  readonly commit: Commit
}

/** The cross-signing keys of local users. Client-server API, "Cross-signing". */
export class CrossSigning {
  readonly #parts: CrossSigningParts

  constructor(parts: CrossSigningParts) {
    this.#parts = parts
  }

  /**
   * Checks `master_key`, `self_signing_key` and `user_signing_key` of `body`. Throws `M_BAD_JSON`, `M_INVALID_PARAM`, `M_MISSING_PARAM`,
   * `M_INVALID_SIGNATURE`; `M_FORBIDDEN` for a public key that is the id of a device of the user.
   */
  async setting({ userId }: KeysOwner, body: JsonObject): Promise<KeySetting> {
    const given = KEY_MEMBERS.flatMap(([usage, member]) => {
      const value = body[member]
      return value === undefined ? [] : [checkedCrossSigningKey(value, usage, member, userId)]
    })
    const before = (await this.#parts.reader.keysOf([userId])).get(userId) ?? []
    const master = [...given, ...before].find(({ usage }) => usage === 'master')
    if (given.length === 0 || master === undefined) {
      throw new MatrixError('M_MISSING_PARAM', 'There is no master signing key')
    }
    for (const key of given) if (key.usage !== 'master') assertSignedByMaster(key, master, userId)
    const keys = given.filter((key) => !before.some((old) => old.usage === key.usage && isSameKey(old, key)))
    await this.#assertNoDeviceIds(userId, keys)
    return { before, keys }
  }

  /** Whether the setting needs a proof of who the user is: it does once there is a master key, and the request has a new key. */
  isReplacement({ before, keys }: KeySetting): boolean {
    return keys.length > 0 && before.some(({ usage }) => usage === 'master')
  }

  /** Stores the keys, all or none. Conflict: `cross-signing-changed`, where other keys were stored since `setting`. */
  async store({ userId, user }: KeysOwner, { before, keys }: KeySetting): Promise<void> {
    if (keys.length === 0) return
    const isReset = [before, keys].every((some) => some.some(({ usage }) => usage === 'master'))
    const ending = isReset ? this.#parts.traces.endingWithIdentity(userId) : []
    await this.#parts.commit([this.#parts.writer.setKeys({ user, before, keys }), ...ending])
  }

  /** Devices and cross-signing keys are named in one place: in signatures. */
  async #assertNoDeviceIds(userId: UserId, keys: readonly CrossSigningKeyRecord[]): Promise<void> {
    if (keys.length === 0) return
    const ids = keys.map(({ publicKey }) => publicKey as DeviceId)
    const named = await this.#parts.devices.devicesNamed([userId], ids)
    if (named.length > 0) throw new MatrixError('M_FORBIDDEN', 'Key ID in use: it is the id of a device')
  }
}

/** Signatures are no part of the key: they may be sent with it or later. */
const isSameKey = (one: CrossSigningKeyRecord, other: CrossSigningKeyRecord): boolean =>
  one.keyJson === other.keyJson ||
  isSameSigned(JSON.parse(one.keyJson) as JsonObject, JSON.parse(other.keyJson) as JsonObject)
