import { Chore, type Clock, type Logger, yieldToEventLoop } from '#base'
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
/** Failures of the server, not of the one list. */
const AWAY: ReadonlySet<string> = new Set(['unreachable', 'not-allowed'])
const FIRST_PAUSE_MS = 30_000
const LONGEST_PAUSE_MS = 24 * 3_600_000
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
  readonly #chore: Chore
  readonly #working = new Map<ServerName, Promise<void>>()
  readonly #closing = new AbortController()
  #rounds = 0

  constructor(parts: ListResyncParts) {
    this.#parts = parts
    this.#chore = new Chore({
      ...{ clock: parts.clock, logger: parts.logger, everyMs: EVERY_MS },
      failure: 'device lists of other servers could not be asked for; tried again in half a minute',
      round: () => this.#round(),
    })
  }

  start(): void {
    this.#chore.start()
  }

  async stop(): Promise<void> {
    await this.#chore.stop()
    this.#closing.abort()
    await Promise.allSettled([...this.#working.values()])
  }

  /** Looks at once for lists to be asked for. */
  hurry(): void {
    this.#chore.hurry()
  }

  async #round(): Promise<void> {
    const { reader, clock, logger } = this.#parts
    if (this.#rounds++ % ROUNDS_TO_DROP === 0) await this.#dropUnshared()
    const servers = await reader.serversToAsk(clock.nowMs(), SERVERS_AT_ONCE + this.#working.size)
    for (const server of servers) {
      if (this.#chore.stopped || this.#working.size >= SERVERS_AT_ONCE) return
      if (this.#working.has(server)) continue
      const work = this.#askServer(server)
        .catch((err: unknown) => logger.error({ err, server }, 'device lists of a server could not be asked for'))
        .finally(() => {
          this.#working.delete(server)
          // Others may wait for this place.
          if (servers.length >= SERVERS_AT_ONCE) this.hurry()
        })
      this.#working.set(server, work)
    }
  }

  async #askServer(server: ServerName): Promise<void> {
    const { reader, clock } = this.#parts
    while (!this.#chore.stopped) {
      const next = await reader.nextToAsk(server, clock.nowMs())
      if (next === undefined || !(await this.#ask(server, next))) return
    }
  }

  /** Returns whether the server may be asked for another list. */
  async #ask(server: ServerName, { userId, failures }: ListToAsk): Promise<boolean> {
    const { writer, commit, clock, logger, requests, position } = this.#parts
    const [askedMs, askedPosition] = [clock.nowMs(), position()]
    const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`
    try {
      const answer = await requests.json(server, {
        ...{ method: 'GET', path, timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES, signal: this.#closing.signal },
      })
      const list = await this.#read(answer, userId)
      await commit([writer.replace({ userId, ...list, askedMs, askedPosition })])
      return true
    } catch (error) {
      if (this.#closing.signal.aborted) return false
      if (!(error instanceof FederationFailure || error instanceof BadList)) throw error
      logger.debug({ err: error, userId }, 'the devices of a user were not told')
      const atMs = clock.nowMs() + pauseAfter(failures)
      await commit([writer.askLater(userId, failures + 1, atMs)])
      const isAway = error instanceof FederationFailure && AWAY.has(error.parts.kind)
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

  async #dropUnshared(): Promise<void> {
    const { reader, writer, commit, serverName } = this.#parts
    let after = 0
    await this.#chore.inPieces(async () => {
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

const pauseAfter = (failures: number): number =>
  Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures, 20), LONGEST_PAUSE_MS)
