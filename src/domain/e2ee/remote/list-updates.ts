import type { Clock } from '#base'
import {
  type DeviceId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  objectAt,
  parseUserId,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'
import {
  type Commit,
  type DeviceKeysRecord,
  type RemoteDeviceListsReader,
  type RemoteDeviceListsWriter,
  WriteConflict,
} from '#store'
import { answeredCrossSigning, answeredDevice } from './answered-keys.ts'

export interface ListUpdatesParts {
  readonly reader: RemoteDeviceListsReader
  readonly writer: RemoteDeviceListsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly serverName: ServerName
  /** Has the lists asked for that became outdated. */
  readonly resync: { hurry(): void }
}

const MAX_PREVIOUS = 100

/** Server-server API, "Device Management": `m.device_list_update`. */
interface DeviceUpdate {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly id: number
  readonly previous: readonly number[]
  /** undefined: gone, or without keys; null: they cannot be read. */
  readonly keys: DeviceKeysRecord | undefined | null
}

/** Keeps the device lists of users of other servers in step with what these servers tell. */
export class ListUpdates {
  readonly #parts: ListUpdatesParts

  constructor(parts: ListUpdatesParts) {
    this.#parts = parts
  }

  /** `m.device_list_update`. An update that does not follow those before it makes the list outdated: it is asked for anew. */
  async deviceChanged(origin: ServerName, content: JsonObject): Promise<void> {
    const { reader, writer, commit } = this.#parts
    const update = deviceUpdateIn(content)
    if (update === undefined || serverOf(update.userId) !== origin || !(await this.#shares(update.userId))) return
    const { userId, deviceId, id, previous, keys } = update
    const list = await reader.list(userId)
    if (list?.knownIds.includes(id) === true) return
    const after = list?.knownIds.at(-1)
    const follows =
      list?.stale === false && previous.length > 0 && previous.every((before) => list.knownIds.includes(before))
    if (!follows || after === undefined || keys === null) return this.#outdate(userId)
    try {
      await commit([writer.change({ userId, deviceId, keys, id, after })])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      // Another update came first.
      await this.#outdate(userId)
    }
  }

  /** `m.signing_key_update`. */
  async keysChanged(origin: ServerName, content: JsonObject): Promise<void> {
    const { reader, writer, commit } = this.#parts
    const userId = parseUserId(stringAt(content, 'user_id') ?? '')
    if (userId === undefined || serverOf(userId) !== origin || !(await this.#shares(userId))) return
    const keys = answeredCrossSigning({ master: content.master_key, selfSigning: content.self_signing_key }, userId)
    // One key without the other, or one that cannot be read: the server is asked for both.
    const isWhole = content.master_key !== undefined && keys.length === (content.self_signing_key === undefined ? 1 : 2)
    if (isWhole || (await reader.list(userId)) === undefined) await commit([writer.setCrossSigning(userId, keys)])
    else await this.#outdate(userId)
  }

  /** Messages came from devices with these identity keys: if the list does not have one of them, an update was lost. */
  async heardFrom(userId: UserId, curve25519Keys: ReadonlySet<string>): Promise<void> {
    if (curve25519Keys.size === 0) return
    const { reader, serverName } = this.#parts
    const devices = (await reader.devicesOf([userId], serverName)).get(userId)
    if (devices === undefined) return
    const known = new Set(devices.flatMap(({ keysJson, deviceId }) => identityKeyIn(keysJson, deviceId) ?? []))
    if ([...curve25519Keys].some((key) => !known.has(key))) await this.#outdate(userId)
  }

  async #shares(userId: UserId): Promise<boolean> {
    return (await this.#parts.reader.sharing([userId], this.#parts.serverName)).length > 0
  }

  async #outdate(userId: UserId): Promise<void> {
    const { writer, commit, clock, resync } = this.#parts
    await commit([writer.outdate(userId, clock.nowMs())])
    resync.hurry()
  }
}

const deviceUpdateIn = (content: JsonObject): DeviceUpdate | undefined => {
  const userId = parseUserId(stringAt(content, 'user_id') ?? '')
  const deviceId = stringAt(content, 'device_id') ?? ''
  const id = idIn(content.stream_id)
  if (userId === undefined || deviceId === '' || deviceId.length > 255 || id === undefined) return undefined
  const given: readonly JsonValue[] = Array.isArray(content.prev_id) ? content.prev_id : []
  const previous = given.slice(0, MAX_PREVIOUS).map((one) => idIn(one) ?? -1)
  return { userId, deviceId: deviceId as DeviceId, id, previous, keys: keysIn(content, userId, deviceId) }
}

const keysIn = (content: JsonObject, userId: UserId, deviceId: string): DeviceUpdate['keys'] => {
  if (content.deleted === true || content.keys === undefined || content.keys === null) return undefined
  if (!isJsonObject(content.keys)) return null
  return answeredDevice(content.keys, userId, deviceId, stringAt(content, 'device_display_name')) ?? null
}

const idIn = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined

const identityKeyIn = (keysJson: string, deviceId: DeviceId): string | undefined =>
  stringAt(objectAt(JSON.parse(keysJson) as JsonObject, 'keys') ?? {}, `curve25519:${deviceId}`)
