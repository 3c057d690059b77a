import { Chore, type Clock, type Logger, yieldToEventLoop } from '#base'
import { isJsonObject, MatrixError, type Pdu, type RoomId, type ServerName, serverOf, type UserId } from '#spec'
import type { BanListsReader, BanListsWriter, Change, RoomNumber, RoomRecordsReader, RoomStateReader } from '#store'
import type { News, NewsHandler } from '#streams'
import { CompiledRules, type PolicyRule, RULE_TYPES, ruleOf } from './policy-rules.ts'

export interface BanListsParts {
  readonly rooms: Pick<RoomStateReader, 'stateInForce'> & Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly reader: BanListsReader
  readonly writer: BanListsWriter
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: ServerName
  /** Policy rooms that the configuration names. */
  readonly configured: readonly RoomId[]
}

/** A policy room that this server obeys. */
export interface ObeyedList {
  readonly roomId: RoomId
  /** A user id, `operator` for a command, or `configuration`. */
  readonly addedBy: string
  /** undefined: the server does not know the room, so its rules are not in force. */
  readonly rules: number | undefined
}

interface LoadedList {
  readonly room: RoomNumber
  readonly rules: readonly PolicyRule[]
  readonly compiled: CompiledRules
}

const PAGE = 500
const MAX_RULES = 50_000
export const MAX_BAN_LISTS = 100
const LOOK_EVERY_MS = 60_000

/**
 * Policy rooms that the whole server obeys: which servers, users and rooms they ban. All rules are in memory, and a change of a list is in force with
 * the news of its commit. No list bans this server itself.
 */
export class BanLists implements NewsHandler {
  readonly #parts: BanListsParts
  readonly #loaded = new Map<RoomId, LoadedList>()
  #added = new Map<RoomId, string>()
  #loading: Promise<void> | undefined
  #isStale = false
  #stopped = false
  /** Looks for lists that were not here, or were added by another process. */
  readonly #looking: Chore

  constructor(parts: BanListsParts) {
    this.#parts = parts
    const { clock, logger } = parts
    this.#looking = new Chore({
      ...{ clock, logger, everyMs: LOOK_EVERY_MS },
      failure: 'ban lists could not be looked for; tried again in a minute',
      round: () => this.#lookAgain(),
    })
  }

  /** Resolves when all lists that are here are in force. */
  async start(): Promise<void> {
    await this.reload()
    this.#looking.startLater()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#looking.stop()
    await this.#loading
  }

  news(news: readonly News[]): void {
    if (this.#loaded.size === 0) return
    const rooms = new Set([...this.#loaded.values()].map(({ room }) => room))
    if (news.some(({ stream, rooms: concerned }) => stream === 'events' && concerned.some((room) => rooms.has(room))))
      void this.reload()
  }

  missed(): void {
    void this.reload()
  }

  /** Reads all lists again. Never throws: what could not be read stays as it was. */
  reload(): Promise<void> {
    this.#isStale = true
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  bansServer(server: string): boolean {
    if (this.#loaded.size === 0 || server === this.#parts.serverName) return false
    return this.#any((rules) => rules.bansServer(server))
  }

  /** A ban of a server is one of its users. */
  bansUser(userId: UserId): boolean {
    if (this.#loaded.size === 0) return false
    return this.#any((rules) => rules.bans('user', userId)) || this.bansServer(serverOf(userId))
  }

  bansRoom(roomId: RoomId): boolean {
    return this.#any((rules) => rules.bans('room', roomId))
  }

  /** Throws `M_FORBIDDEN` for a banned user or room. */
  mind(userId: UserId, roomId: RoomId | undefined): void {
    if (this.bansUser(userId) || (roomId !== undefined && this.bansRoom(roomId)))
      throw new MatrixError('M_FORBIDDEN', 'A ban list that this server obeys forbids this')
  }

  lists(): readonly ObeyedList[] {
    return [...this.#added].map(([roomId, addedBy]) => ({
      roomId,
      addedBy,
      rules: this.#loaded.get(roomId)?.rules.length,
    }))
  }

  /** The rules of a list, from that number on. undefined: the server obeys no such list, or does not know its room. */
  rulesOf(roomId: RoomId, from: number, limit: number): readonly PolicyRule[] | undefined {
    return this.#loaded.get(roomId)?.rules.slice(from, from + limit)
  }

  /** In force after `reload`. Conflict: `too-many-ban-lists`. */
  adding(roomId: RoomId, addedBy: UserId | 'operator'): Change<void> {
    return this.#parts.writer.add({ roomId, addedBy, addedAtMs: this.#parts.clock.nowMs() }, MAX_BAN_LISTS)
  }

  removing(roomId: RoomId): Change<boolean> {
    return this.#parts.writer.remove(roomId)
  }

  #any(test: (rules: CompiledRules) => boolean): boolean {
    for (const { compiled } of this.#loaded.values()) if (test(compiled)) return true
    return false
  }

  async #lookAgain(): Promise<void> {
    const added = await this.#addedNow()
    const isSame = added.size === this.#added.size && [...added.keys()].every((roomId) => this.#added.has(roomId))
    if (!isSame || added.size > this.#loaded.size) await this.reload()
  }

  async #load(): Promise<void> {
    while (this.#isStale && !this.#stopped) {
      this.#isStale = false
      try {
        this.#added = await this.#addedNow()
        for (const roomId of this.#loaded.keys()) if (!this.#added.has(roomId)) this.#loaded.delete(roomId)
        for (const roomId of this.#added.keys()) await this.#loadList(roomId)
      } catch (err) {
        this.#parts.logger.error({ err }, 'ban lists could not be read; those that were read before stay in force')
      }
    }
  }

  async #addedNow(): Promise<Map<RoomId, string>> {
    const { reader, configured } = this.#parts
    const subscribed = await reader.banLists()
    return new Map([
      ...configured.map((roomId): [RoomId, string] => [roomId, 'configuration']),
      ...subscribed.map(({ roomId, addedBy }): [RoomId, string] => [roomId, addedBy]),
    ])
  }

  async #loadList(roomId: RoomId): Promise<void> {
    const { rooms, logger } = this.#parts
    const record = await rooms.roomByRoomId(roomId)
    if (record === undefined) {
      this.#loaded.delete(roomId)
      return
    }
    const rules: PolicyRule[] = []
    for (const [type, kind] of RULE_TYPES) {
      for (const event of await this.#entries(record.room, type, MAX_RULES - rules.length)) {
        const content: unknown = (JSON.parse(event) as Pdu).content
        const rule = isJsonObject(content) ? ruleOf(kind, content) : undefined
        if (rule !== undefined) rules.push(rule)
      }
    }
    const compiled = new CompiledRules(rules)
    if (rules.length >= MAX_RULES || compiled.leftOut > 0)
      logger.warn({ roomId, leftOut: compiled.leftOut }, 'a ban list has more rules than are obeyed')
    this.#loaded.set(roomId, { room: record.room, rules, compiled })
  }

  async #entries(room: RoomNumber, type: string, most: number): Promise<readonly string[]> {
    const { rooms, clock } = this.#parts
    const texts: string[] = []
    let after = { type, stateKey: '' }
    while (texts.length < most && !this.#stopped) {
      const page = await rooms.stateInForce(room, { after, beforeType: `${type}\u0001`, limit: PAGE })
      texts.push(...page.map(({ event }) => event.json))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last.change
      await yieldToEventLoop(clock)
    }
    return texts.slice(0, most)
  }
}
