import { type Chore, type Clock, growingPause, KeyedChore, type Logger, yieldToEventLoop } from '#base'
import { FederationFailure, type FederationRequests } from '#net'
import { isJsonObject, type JsonObject, type JsonValue, type ServerName, stringAt, type UserId } from '#spec'
import type { Commit, DeviceKeysRecord, ListToAsk, RemoteDeviceListsReader, RemoteDeviceListsWriter } from '#store'
import { answeredCrossSigning, answeredDevice, MAX_DEVICES } from './answered-keys.ts'

export interface ListResyncParts {
  readonly reader: RemoteDeviceListsReader
  readonly writer: RemoteDeviceListsWriter
  readonly commit: Commit
  readonly requests: Pick<FederationRequests, 'json'>
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: ServerName
  /** The position of the stream of events. */
  readonly position: () => number
}

const EVERY_MS = 30_000
const SERVERS_AT_ONCE = 20
const TIMEOUT_MS = 30_000
const MAX_ANSWER_BYTES = 1024 * 1024
const PAUSES = { firstMs: 30_000, longestMs: 24 * 3_600_000 }
const DEVICES_A_SLICE = 100
const LISTS_AT_ONCE = 200
/** Rounds between two looks for lists that nobody needs any more. */
const ROUNDS_TO_DROP = 120

/**
 * Asks for the lists that are to be asked for: those of one server one after the other, and of several servers at once. Which these are is in the database, so it goes on
 * after a restart.
 */
export class ListResync {
  readonly #parts: ListResyncParts
  readonly #chore: KeyedChore<ServerName>
  #rounds = 0

  constructor(parts: ListResyncParts) {
    this.#parts = parts
    const { reader, clock, logger } = parts
    this.#chore = new KeyedChore({
      ...{ clock, logger, everyMs: EVERY_MS, atOnce: SERVERS_AT_ONCE },
      failure: 'device lists of other servers could not be asked for; tried again in half a minute',
      due: async (limit, chore) => {
        if (this.#rounds++ % ROUNDS_TO_DROP === 0) await this.#dropUnshared(chore)
        const servers = await reader.serversToAsk(clock.nowMs(), limit)
        return servers.map((server) => ({ key: server, run: (signal) => this.#askServer(server, signal) }))
      },
      failed: (err, server) => logger.error({ err, server }, 'device lists of a server could not be asked for'),
    })
  }

  start(): void {
    this.#chore.start()
  }

  stop(): Promise<void> {
    return this.#chore.stop()
  }

  /** Looks at once for lists to be asked for. */
  hurry(): void {
    this.#chore.hurry()
  }

  async #askServer(server: ServerName, ending: AbortSignal): Promise<void> {
    const { reader, clock } = this.#parts
    while (!ending.aborted) {
      const next = await reader.nextToAsk(server, clock.nowMs())
      if (next === undefined || !(await this.#ask(server, next, ending))) return
    }
  }

  /** Returns whether the server may be asked for another list. */
  async #ask(server: ServerName, { userId, failures }: ListToAsk, signal: AbortSignal): Promise<boolean> {
    const { writer, commit, clock, logger, requests, position } = this.#parts
    const [askedMs, askedPosition] = [clock.nowMs(), position()]
    const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`
    try {
      const answer = await requests.json(server, {
        ...{ method: 'GET', path, timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES, signal },
      })
      const list = await this.#read(answer, userId)
      await commit([writer.replace({ userId, ...list, askedMs, askedPosition })])
      return true
    } catch (error) {
      if (signal.aborted) return false
      if (!(error instanceof FederationFailure || error instanceof BadList)) throw error
      logger.debug({ err: error, userId }, 'the devices of a user were not told')
      const atMs = clock.nowMs() + growingPause(failures + 1, PAUSES)
      await commit([writer.askLater(userId, failures + 1, atMs)])
      const isAway = error instanceof FederationFailure && error.isOfServer
      if (isAway) await commit([writer.askServerLater(server, atMs)])
      return !isAway
    }
  }

  async #read(answer: JsonValue, userId: UserId) {
    const id = isJsonObject(answer) ? answer.stream_id : undefined
    if (!isJsonObject(answer) || stringAt(answer, 'user_id') !== userId || !Array.isArray(answer.devices))
      throw new BadList()
    if (typeof id !== 'number' || !Number.isSafeInteger(id)) throw new BadList()
    const devices = new Map<string, DeviceKeysRecord>()
    for (const [index, entry] of (answer.devices as readonly JsonValue[]).slice(0, MAX_DEVICES).entries()) {
      const device = isJsonObject(entry) ? deviceIn(entry, userId) : undefined
      if (device !== undefined) devices.set(device.deviceId, device)
      if (index % DEVICES_A_SLICE === DEVICES_A_SLICE - 1) await yieldToEventLoop(this.#parts.clock)
    }
    const keys = { master: answer.master_key, selfSigning: answer.self_signing_key }
    return { id, devices: [...devices.values()], crossSigning: answeredCrossSigning(keys, userId) }
  }

  async #dropUnshared(chore: Chore): Promise<void> {
    const { reader, writer, commit, serverName } = this.#parts
    let after = 0
    await chore.inPieces(async () => {
      const { userIds, upTo } = await reader.unshared(after, LISTS_AT_ONCE, serverName)
      if (userIds.length > 0) await commit([writer.drop(userIds)])
      after = upTo ?? after
      return upTo !== undefined
    })
  }
}

/** An answer that is no list of the user's devices. */
class BadList extends Error {
  override readonly name = 'BadList'
}

const deviceIn = (entry: JsonObject, userId: UserId): DeviceKeysRecord | undefined =>
  answeredDevice(entry.keys, userId, stringAt(entry, 'device_id') ?? '', stringAt(entry, 'device_display_name'))
