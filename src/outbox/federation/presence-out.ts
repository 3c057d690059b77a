import type { Clock, Logger } from '#base'
import { contentJson } from '#rules'
import { type JsonObject, type ServerName, serverOf, type UserId } from '#spec'
import type { RoomsReader } from '#store'
import type { News, Streams } from '#streams'
import type { EduOutlet, EduSource } from './edu-source.ts'

export interface SeenPresence {
  readonly userId: UserId
  /** The content of `m.presence`. */
  readonly content: JsonObject
}

export interface PresenceOutParts {
  readonly own: ServerName
  readonly clock: Clock
  readonly logger: Logger
  readonly streams: Pick<Streams, 'positions'>
  readonly presence: {
    /** Changes with `after` < position <= `upTo`. */
    changedSince(after: number, upTo: number): readonly SeenPresence[]
    /** The presence of each of these users now. */
    ofEach(userIds: readonly UserId[]): readonly SeenPresence[]
  }
  readonly rooms: Pick<RoomsReader, 'serversSharing'>
}

/** Changes within this time are told together. */
const COALESCE_MS = 5_000
/** For each server that was told: all presence costs no more than twenty requests a second. */
const PER_SERVER_MS = 50
const LONGEST_MS = 120_000
/** Other servers take a user for offline after half an hour without news. */
const AGAIN_MS = 20 * 60_000
const STATES_IN_EDU = 50
/** Users told of at once; the others follow. */
const USERS_AT_ONCE = 500
/** States that others know. */
const WIRE_STATES: ReadonlySet<unknown> = new Set(['online', 'unavailable', 'offline'])

/** Tells other servers who of the users here is about (server-server API, "Presence"), at a bounded cost. */
export class PresenceOut implements EduSource {
  readonly #parts: PresenceOutParts
  readonly #changed = new Set<UserId>()
  /** Users who are not offline, as others were told. */
  readonly #about = new Set<UserId>()
  #outlet: EduOutlet | undefined
  #seen = 0
  #made = 0
  #pausedUntil = Number.NEGATIVE_INFINITY
  #telling = false
  #cancel: (() => void) | undefined
  #cancelReminder: (() => void) | undefined

  constructor(parts: PresenceOutParts) {
    this.#parts = parts
  }

  start(outlet: EduOutlet): void {
    this.#outlet = outlet
    this.#seen = this.#parts.streams.positions().presence
  }

  stop(): void {
    this.#outlet = undefined
    this.#cancel?.()
    this.#cancelReminder?.()
    this.#cancel = undefined
    this.#cancelReminder = undefined
    this.#changed.clear()
    this.#about.clear()
  }

  hear(news: readonly News[]): void {
    if (!news.some(({ stream }) => stream === 'presence')) return
    const { own, presence, streams } = this.#parts
    const upTo = streams.positions().presence
    for (const { userId } of presence.changedSince(this.#seen, upTo))
      if (serverOf(userId) === own) this.#changed.add(userId)
    this.#seen = upTo
    this.#tellLater()
  }

  #tellLater(): void {
    if (this.#changed.size === 0 || this.#outlet === undefined || this.#telling) return
    const { clock, logger } = this.#parts
    const delayMs = Math.max(COALESCE_MS, this.#pausedUntil - clock.monotonicMs())
    this.#cancel ??= clock.after(delayMs, () => {
      this.#cancel = undefined
      this.#telling = true
      this.#tell()
        .catch((err: unknown) => logger.warn({ err }, 'presence could not be told to other servers'))
        .finally(() => {
          this.#telling = false
          this.#tellLater()
        })
    })
  }

  async #tell(): Promise<void> {
    const { clock } = this.#parts
    const userIds = [...this.#changed].slice(0, USERS_AT_ONCE)
    for (const userId of userIds) this.#changed.delete(userId)
    let told: ReadonlyMap<ServerName, readonly JsonObject[]>
    try {
      told = await this.#statesByServer(userIds)
    } catch (error) {
      // Told later: who went offline would stay online elsewhere.
      for (const userId of userIds) this.#changed.add(userId)
      throw error
    }
    for (const [server, states] of told) this.#send(server, states)
    this.#pausedUntil = clock.monotonicMs() + Math.min(told.size * PER_SERVER_MS, LONGEST_MS)
    this.#remindLater()
  }

  async #statesByServer(userIds: readonly UserId[]): Promise<ReadonlyMap<ServerName, readonly JsonObject[]>> {
    const { presence, rooms } = this.#parts
    const told = new Map<ServerName, JsonObject[]>()
    for (const { userId, content } of presence.ofEach(userIds)) {
      const state = stateOf(userId, content)
      if (state.presence === 'offline') this.#about.delete(userId)
      else this.#about.add(userId)
      for (const server of await rooms.serversSharing(userId)) {
        if (server === this.#parts.own) continue
        const states = told.get(server)
        if (states === undefined) told.set(server, [state])
        else states.push(state)
      }
    }
    return told
  }

  #send(server: ServerName, states: readonly JsonObject[]): void {
    for (let at = 0; at < states.length; at += STATES_IN_EDU) {
      const content = { push: states.slice(at, at + STATES_IN_EDU) }
      const json = contentJson({ edu_type: 'm.presence', content })
      if (json.ok) this.#outlet?.to.at(server).addVolatile(`presence ${this.#made++}`, json.value)
    }
  }

  #remindLater(): void {
    if (this.#about.size === 0 || this.#outlet === undefined) return
    this.#cancelReminder ??= this.#parts.clock.after(AGAIN_MS, () => {
      this.#cancelReminder = undefined
      for (const userId of this.#about) this.#changed.add(userId)
      this.#tellLater()
    })
  }
}

const stateOf = (userId: UserId, content: JsonObject): JsonObject => {
  const { presence, last_active_ago, currently_active, status_msg } = content
  return {
    user_id: userId,
    presence: WIRE_STATES.has(presence) ? (presence ?? 'offline') : 'online',
    ...(last_active_ago === undefined ? {} : { last_active_ago }),
    ...(currently_active === undefined ? {} : { currently_active }),
    ...(status_msg === undefined ? {} : { status_msg }),
  }
}
