import { Chore, type Clock, type Logger } from '#base'
import { canonicalJson, messageLifetimeMs, type RetentionSettings, redact } from '#rules'
import { type Pdu, ROOM_VERSIONS } from '#spec'
import type {
  AgedEvent,
  Commit,
  HistoryPlace,
  RetentionReader,
  RetentionWriter,
  RoomNumber,
  RoomStateReader,
} from '#store'

export interface RetentionSweepParts {
  readonly reader: RetentionReader
  readonly state: RoomStateReader
  readonly writer: RetentionWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  /** undefined: everything is kept. */
  readonly settings: RetentionSettings | undefined
}

const EVERY_MS = 3_600_000
const ROOMS_AT_ONCE = 100
/** Events looked at, and removed, by one commit. */
const EVENTS_AT_ONCE = 100
const BEGINNING: HistoryPlace = { depth: -1, event: Number.MIN_SAFE_INTEGER }

/**
 * Removes messages that are older than their room keeps them (MSC1763), in pieces. It goes on where it was in each room, so what was removed, and
 * state, is looked at once. State is kept; of a forward extremity, which later events refer to, the content goes.
 */
export class RetentionSweep {
  readonly #parts: RetentionSweepParts
  readonly #chore: Chore

  constructor(parts: RetentionSweepParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'old messages could not be removed; tried again in an hour',
      round: () => this.#round(),
    })
  }

  /** Begins: looks for old messages now and then every hour. */
  start(): void {
    this.#chore.start()
  }

  /** Resolves when the work under way has ended. */
  stop(): Promise<void> {
    return this.#chore.stop()
  }

  async #round(): Promise<void> {
    const { reader, settings, clock } = this.#parts
    if (settings === undefined) return
    let after: RoomNumber = 0
    await this.#chore.inPieces(async () => {
      const rooms = await reader.roomsAfter(after, ROOMS_AT_ONCE)
      for (const { room, version } of rooms) {
        if (this.#chore.stopped) return false
        after = room
        const lifetimeMs = await this.#lifetime(room, settings)
        if (lifetimeMs !== undefined) await this.#sweep(room, version, clock.nowMs() - lifetimeMs)
      }
      return rooms.length === ROOMS_AT_ONCE
    })
  }

  async #lifetime(room: RoomNumber, settings: RetentionSettings): Promise<number | undefined> {
    const policy = await this.#parts.state.stateEvent(room, 'current', 'm.room.retention', '')
    return messageLifetimeMs(policy === undefined ? {} : (JSON.parse(policy.json) as Pdu).content, settings)
  }

  /** Goes through the room's history up to the first page without an old message. */
  async #sweep(room: RoomNumber, version: string, beforeMs: number): Promise<void> {
    const { reader, writer, commit } = this.#parts
    const heads = await reader.heads(room)
    let examined = (await reader.examined(room)) ?? BEGINNING
    let place = examined
    let isGapless = true
    await this.#chore.inPieces(async () => {
      const before = examined.event
      const page = await reader.aged(room, place, EVENTS_AT_ONCE)
      const isOld = ({ isState, originServerTs }: AgedEvent): boolean => !isState && originServerTs < beforeMs
      const old = page.filter((event) => isOld(event) && !heads.includes(event.event)).map(({ event }) => event)
      // A younger message among older ones, or a head, is looked at again in the next round, and with it all behind it.
      for (const event of page) {
        if (!event.isState && !old.includes(event.event)) isGapless = false
        if (isGapless) examined = { depth: event.depth, event: event.event }
      }
      place = page.at(-1) ?? place
      if (old.length > 0 || examined.event !== before) await commit([writer.remove(room, old, examined)])
      await this.#strip(
        room,
        version,
        page.filter((event) => isOld(event) && heads.includes(event.event)),
      )
      return page.length === EVENTS_AT_ONCE && (old.length > 0 || page.every(({ isState }) => isState))
    })
  }

  async #strip(room: RoomNumber, versionId: string, heads: readonly AgedEvent[]): Promise<void> {
    const { state, writer, commit } = this.#parts
    const version = ROOM_VERSIONS.get(versionId)
    if (version === undefined || heads.length === 0) return
    for (const [event, json] of await state.jsonOf(heads.map(({ event }) => event))) {
      const stripped = canonicalJson(redact(version, JSON.parse(json) as Pdu), { strict: version.strictCanonicalJson })
      if (stripped.ok && stripped.value !== json) await commit([writer.strip(room, event, stripped.value)])
    }
  }
}
