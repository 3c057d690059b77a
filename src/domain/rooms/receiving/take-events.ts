import type { Clock, Logger } from '#base'
import { FederationFailure } from '#net'
import { type EventId, type JsonValue, ROOM_VERSIONS, type RoomEvent, type RoomId, type ServerName } from '#spec'
import type { RoomRecordsReader, RoomServersReader, StagedPduRow } from '#store'
import type { RoomGraph, Verdict } from '../graph/index.ts'
import type { CheckPdus } from './check-pdus.ts'
import { type CheckedEvent, isChecked } from './checked-event.ts'
import { isPassing } from './fetch-events.ts'
import { type FillGap, LeftAlone, type Receive, type Source } from './fill-gap.ts'
import type { RoomHere } from './missing-states.ts'

/** A room's policy server, asked about events that the room's rules allow. */
export interface PolicyCheck {
  /** The event's JSON with the signature that the room wants; undefined: it is to be soft-failed. */
  receivedWithSignature(roomId: RoomId, event: RoomEvent, json: string): Promise<string | undefined>
}

export interface TakeEventsParts {
  readonly reader: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<RoomServersReader, 'isServerIn' | 'serversOf'>
  readonly check: CheckPdus
  readonly graph: Pick<RoomGraph, 'receive'>
  readonly gaps: FillGap
  readonly policy: PolicyCheck
  readonly serverName: ServerName
  readonly clock: Clock
  readonly logger: Logger
}

/** The longest that the sender of an event may hold up its room by the event's gap, and the other servers after it. */
const CHASE_MS = 90_000
const OTHERS_MS = 20_000
/** Other servers in the room that are asked for what the sender of an event did not give. */
const MAX_OTHERS = 3
/** Attempts at an event: what is missing may lack something itself. */
const MAX_ATTEMPTS = 3

/** The way of staged events into their room. What fails a check goes no further; the reason is logged, as nobody waits for it. */
export class TakeEvents {
  readonly #parts: TakeEventsParts

  constructor(parts: TakeEventsParts) {
    this.#parts = parts
  }

  /**
   * Takes some staged events of one room, in their order. Returns those to be tried again later, as the server that has what they refer to was away. Throws
   * only where this server itself is at fault; then all are to be taken again.
   */
  async take(roomId: RoomId, rows: readonly StagedPduRow[], stopped: AbortSignal): Promise<readonly StagedPduRow[]> {
    const room = await this.#roomHere(roomId)
    if (room === undefined) return []
    const events = await this.#checked(room, rows)
    const receive = this.#receiver(room)
    const verdicts = await receive(events.map(({ event }) => event))
    const later: StagedPduRow[] = []
    const away = new Set<ServerName>()
    for (const [index, { event, row }] of events.entries()) {
      if (stopped.aborted) break
      const { origin } = row
      const verdict = verdicts[index]
      if (verdict?.kind !== 'missing') {
        this.#report(event.event, origin, verdict)
        continue
      }
      // A server that did not answer is not waited for once more in the same batch.
      const last = away.has(origin) ? 'later' : await this.#chase(event, room, { origin, stopped }, receive)
      if (last === 'later') {
        away.add(origin)
        later.push(row)
      } else this.#report(event.event, origin, last)
    }
    return later
  }

  /** undefined: this server is not in the room any more. */
  async #roomHere(roomId: RoomId): Promise<RoomHere | undefined> {
    const { reader, serverName } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    const version = record === undefined ? undefined : ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined) return undefined
    return (await reader.isServerIn(record.room, serverName)) ? { roomId, version, room: record.room } : undefined
  }

  async #checked(
    room: RoomHere,
    rows: readonly StagedPduRow[],
  ): Promise<readonly { readonly event: CheckedEvent; readonly row: StagedPduRow }[]> {
    const pdus = rows.map(({ pduJson }) => JSON.parse(pduJson) as JsonValue)
    const outcomes = await this.#parts.check.check(room.version, pdus)
    const seen = new Set<EventId>()
    return outcomes.flatMap((outcome, index) => {
      const row = rows[index]
      if (row === undefined) return []
      if (!isChecked(outcome) || outcome.event.roomId !== room.roomId) {
        const reason = isChecked(outcome) ? 'It is of another room' : outcome.failure
        this.#parts.logger.debug({ event: row.eventId, origin: row.origin, reason }, 'an event was dropped')
        return []
      }
      if (seen.has(outcome.event.eventId)) return []
      seen.add(outcome.event.eventId)
      return [{ event: outcome, row }]
    })
  }

  #receiver(room: RoomHere): Receive {
    const { graph, policy } = this.#parts
    return async (events) => {
      if (events.length === 0) return []
      return graph.receive(room.roomId, events, {
        signed: ({ event, json }) => policy.receivedWithSignature(room.roomId, event, json),
      })
    }
  }

  /** Gets what the event lacks, from its sender or else from others in the room. `later`: the sender is away, and no other server has it. */
  async #chase(
    event: CheckedEvent,
    room: RoomHere,
    { origin, stopped }: { readonly origin: ServerName; readonly stopped: AbortSignal },
    receive: Receive,
  ): Promise<Outcome> {
    const bySender = await this.#within(CHASE_MS, stopped, (signal) =>
      this.#from({ server: origin, signal, isSender: true }, event, room, receive),
    )
    if (isSettled(bySender) || stopped.aborted) return bySender
    const byOthers = await this.#within(OTHERS_MS, stopped, async (signal) => {
      for (const server of await this.#others(room, origin)) {
        if (signal.aborted) return undefined
        const outcome = await this.#from({ server, signal, isSender: false }, event, room, receive)
        if (isSettled(outcome)) return outcome
      }
      return undefined
    })
    return byOthers ?? bySender
  }

  /** Servers that are in the room for longest. */
  async #others({ room }: RoomHere, origin: ServerName): Promise<readonly ServerName[]> {
    const { reader, serverName } = this.#parts
    const servers = (await reader.serversOf(room)).map(({ name }) => name)
    return servers.filter((name) => name !== origin && name !== serverName).slice(0, MAX_OTHERS)
  }

  async #within<Result>(
    timeMs: number,
    stopped: AbortSignal,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const box = new AbortController()
    const cancel = this.#parts.clock.after(timeMs, () => box.abort())
    try {
      return await work(AbortSignal.any([box.signal, stopped]))
    } finally {
      cancel()
    }
  }

  /** Gets what the event lacks from one server, and tries it again. `later`: that server is away. */
  async #from(source: Source, event: CheckedEvent, room: RoomHere, receive: Receive): Promise<Outcome> {
    const { gaps, logger } = this.#parts
    try {
      // An event before it in the queue may have been what it lacked.
      let [verdict] = await receive([event])
      for (let attempt = 1; attempt < MAX_ATTEMPTS && verdict?.kind === 'missing'; attempt++) {
        if (!(await gaps.before(event, verdict.events, room, source, receive))) break
        ;[verdict] = await receive([event])
      }
      return verdict
    } catch (error) {
      if (error instanceof LeftAlone) return 'later'
      if (!(error instanceof FederationFailure) && !source.signal.aborted) throw error
      const { server } = source
      logger.debug({ err: error, event: event.event.eventId, server }, 'what an event refers to could not be had')
      return isPassing(error) ? 'later' : undefined
    }
  }

  #report({ eventId, roomId }: RoomEvent, origin: ServerName, verdict: Verdict | undefined): void {
    const { logger } = this.#parts
    if (verdict?.kind === 'accepted' || verdict?.kind === 'known') return
    const reason = verdict === undefined || verdict.kind === 'missing' ? 'what it refers to is missing' : verdict.reason
    logger.info({ event: eventId, room: roomId, origin, verdict: verdict?.kind ?? 'missing', reason }, 'not accepted')
  }
}

/** `later`: a server that has what the event lacks is away. undefined: no server gave it. */
type Outcome = Verdict | 'later' | undefined

const isSettled = (outcome: Outcome): boolean =>
  outcome !== undefined && outcome !== 'later' && outcome.kind !== 'missing'
