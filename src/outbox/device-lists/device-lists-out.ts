import { Chore, type Clock, type Logger } from '#base'
import { canonicalJson } from '#rules'
import {
  type DeviceId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'
import type {
  Change,
  Commit,
  DeviceListsToldReader,
  DeviceListsToldWriter,
  FederationOutWriter,
  ListChange,
} from '#store'
import type { News, NewsHandler, Streams } from '#streams'
import { Comings } from './comings.ts'

/** The keys of users here, as other servers may know them. */
export interface KeysToTell {
  /** JSON by device; undefined for no account. */
  devicesOf(userId: UserId): Promise<
    | {
        readonly devices: ReadonlyMap<DeviceId, string>
        readonly master?: string | undefined
        readonly selfSigning?: string | undefined
      }
    | undefined
  >
  /** Whether the device exists, with keys or without. */
  isDevice(userId: UserId, deviceId: DeviceId): Promise<boolean>
}

export interface DeviceListsOutParts {
  readonly told: { readonly reader: DeviceListsToldReader; readonly writer: DeviceListsToldWriter }
  readonly queue: Pick<FederationOutWriter, 'queueEdu'>
  readonly keys: KeysToTell
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: ServerName
  readonly news: Pick<Streams, 'onNews'>
}

const EVERY_MS = 60_000
const CHANGES_AT_ONCE = 50
const COMINGS_AT_ONCE = 50
/** Positions behind which the database may be, where nothing had to be told. */
const FEW = 500
/** Names no device, where all of a user's are gone. */
const NO_DEVICE = 'NONE'

/** `none`: it follows nothing that these servers could know. */
type ChangeToTell = Omit<ListChange, 'previous'> & { readonly previous: ListChange['previous'] | 'none' }

/**
 * Tells the servers of those who share a room with a user here when the user's keys change: each change once, with the commit that says so. An EDU names the change before it,
 * whoever was told of that one; a server that does not know it asks for the whole list. Server-server API, "Device Management".
 */
export class DeviceListsOut implements NewsHandler {
  readonly #parts: DeviceListsOutParts
  readonly #chore: Chore
  readonly #comings = new Comings()
  /** All up to here is told; the database may say less. */
  #told: number | undefined

  constructor(parts: DeviceListsOutParts) {
    this.#parts = parts
    this.#chore = new Chore({
      ...{ clock: parts.clock, logger: parts.logger, everyMs: EVERY_MS },
      failure: 'other servers could not be told of changed devices; tried again in a minute',
      round: async (chore) => {
        await chore.inPieces(() => this.#tellSome())
        await chore.inPieces(() => this.#tellNewlySharing())
      },
    })
    parts.news.onNews(this)
  }

  start(): void {
    this.#told = undefined
    this.#chore.start()
  }

  stop(): Promise<void> {
    return this.#chore.stop()
  }

  news(news: readonly News[]): void {
    this.#comings.hear(news)
    if (!this.#comings.empty || news.some(({ stream }) => stream === 'deviceLists')) this.#chore.hurry()
  }

  missed(): void {
    this.#chore.hurry()
  }

  /** Returns whether there may be more. */
  async #tellSome(): Promise<boolean> {
    const { told, commit, serverName } = this.#parts
    const stored = await told.reader.told()
    const from = Math.max(this.#told ?? 0, stored)
    const changes = await told.reader.changesAfter(from, CHANGES_AT_ONCE)
    const last = changes.at(-1)?.position
    if (last === undefined) return false
    const queued: Change<unknown>[] = []
    const servers = new Map<UserId, readonly ServerName[]>()
    for (const change of changes) {
      const { userId } = change
      if (serverOf(userId) !== serverName) continue
      const theirs = servers.get(userId) ?? (await told.reader.serversWith(userId, serverName))
      servers.set(userId, theirs)
      if (theirs.length > 0) queued.push(...(await this.#queued(change, theirs)))
    }
    if (queued.length > 0 || last - stored > FEW) await commit([...queued, told.writer.tell(last)])
    this.#told = last
    return changes.length === CHANGES_AT_ONCE
  }

  /**
   * Tells the devices of users who came into a room to its servers that did not hear of them until now. An EDU that follows none has them ask for the whole list. What was not told
   * before a crash is told with the next change, and these servers know that they missed something.
   */
  async #tellNewlySharing(): Promise<boolean> {
    const { told, commit, serverName } = this.#parts
    const comings = this.#comings.take(COMINGS_AT_ONCE)
    try {
      const queued: Change<unknown>[] = []
      for (const { room, user } of comings) {
        const found = await told.reader.newlySharing(room, user, serverName)
        if (found?.newest === undefined || found.servers.length === 0) continue
        const { userId, newest: position, servers } = found
        queued.push(...(await this.#queued({ userId, position, changed: undefined, previous: 'none' }, servers)))
      }
      if (queued.length > 0) await commit(queued)
    } catch (error) {
      this.#comings.giveBack(comings)
      throw error
    }
    return !this.#comings.empty
  }

  async #queued(change: ChangeToTell, servers: readonly ServerName[]): Promise<readonly Change<unknown>[]> {
    const { queue, logger } = this.#parts
    const edu = await this.#edu(change)
    if (edu === undefined) return []
    const { type, key, content } = edu
    const json = canonicalJson({ edu_type: type, content })
    if (json.ok) return [queue.queueEdu({ servers, json: json.value, key: `${type} ${change.userId} ${key}` })]
    // Uploads are checked, so this should not be; one bad row must not hold up the others.
    logger.error({ userId: change.userId, type }, 'keys are stored that cannot be told to other servers')
    return []
  }

  async #edu(change: ChangeToTell): Promise<{ type: string; key: string; content: JsonObject } | undefined> {
    const { userId, changed, position, previous } = change
    const keys = await this.#parts.keys.devicesOf(userId)
    if (keys === undefined) return undefined
    if (changed === 'cross-signing') {
      const content = {
        user_id: userId,
        ...(keys.master === undefined ? {} : { master_key: parsed(keys.master) }),
        ...(keys.selfSigning === undefined ? {} : { self_signing_key: parsed(keys.selfSigning) }),
      }
      return { type: 'm.signing_key_update', key: '', content }
    }
    const deviceId = changed ?? [...keys.devices.keys()][0] ?? (NO_DEVICE as DeviceId)
    const json = keys.devices.get(deviceId)
    const device = json === undefined ? await this.#withoutKeys(userId, deviceId) : withKeys(json)
    // Nobody was told of the position before: see `recordChange`.
    const prev_id = previous === 'none' ? [] : [previous ?? position - 1]
    const ids = { stream_id: position, prev_id }
    return {
      type: 'm.device_list_update',
      key: deviceId,
      content: { user_id: userId, device_id: deviceId, ...ids, ...device },
    }
  }

  async #withoutKeys(userId: UserId, deviceId: DeviceId): Promise<JsonObject> {
    return (await this.#parts.keys.isDevice(userId, deviceId)) ? {} : { deleted: true }
  }
}

const withKeys = (json: string): JsonObject => {
  const { unsigned, ...keys } = parsed(json)
  const name = isJsonObject(unsigned) ? stringAt(unsigned, 'device_display_name') : undefined
  return { keys, ...(name === undefined ? {} : { device_display_name: name }) }
}

const parsed = (json: string): JsonObject => {
  const value = JSON.parse(json) as JsonValue
  return isJsonObject(value) ? value : {}
}
