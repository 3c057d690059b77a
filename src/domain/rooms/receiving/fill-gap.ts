import type { EventId, RoomEvent, ServerName } from '#spec'
import type { RoomGraphReader } from '#store'
import type { RoomGraph, Verdict } from '../graph/index.ts'
import type { CheckedEvent } from './checked-event.ts'
import { type FetchEvents, isPassing } from './fetch-events.ts'
import type { KnownEvent, MissingStates, RoomHere } from './missing-states.ts'
import { inOrder } from './order.ts'
import type { OtherPulls } from './other-pulls.ts'
import type { PullMemory } from './pull-memory.ts'

/** Puts events into the room as they are judged by everything but what is missing. */
export type Receive = (events: readonly CheckedEvent[]) => Promise<readonly Verdict[]>

export interface FillGapParts {
  readonly fetch: FetchEvents
  readonly states: MissingStates
  readonly pulls: Pick<PullMemory, 'due' | 'isSoon' | 'failed' | 'came'>
  readonly others: OtherPulls
  readonly graph: Pick<RoomGraph, 'addOutliers'>
  readonly known: (eventIds: readonly EventId[]) => Promise<readonly KnownEvent[]>
  readonly reader: Pick<RoomGraphReader, 'backwardExtremities' | 'missingAmong'>
  /** The room's forward extremities. */
  readonly newest: (room: RoomHere) => Promise<readonly EventId[]>
}

/** The side from which what is missing may come, and the time that it may take. */
export interface Source {
  readonly server: ServerName
  readonly signal: AbortSignal
  /** Whether it is the one that sent the event: others may not have the event itself, so they are asked for what it refers to. */
  readonly isSender: boolean
}

/** The server that has what is missing did not answer just now, and is asked again in a moment. */
export class LeftAlone extends Error {
  override readonly name = 'LeftAlone'
}

/** Missing predecessors of pulled events at which the state is asked for. */
const MAX_STATES = 10
const MAX_EARLIEST = 20
const AUTH_AT_ONCE = 500
const MAX_AUTH_EVENTS = 20_000

/**
 * Gets what an event refers to and this server lacks, from its sender or another server in the room. Only at the far end of what was pulled is another server's word on the state taken, and it is judged by the rules of the room like any branch. That end
 * is where the history that is here begins, if no earlier: what was before this server came is not new.
 */
export class FillGap {
  readonly #parts: FillGapParts

  constructor(parts: FillGapParts) {
    this.#parts = parts
  }

  /**
   * Fills the gap before an event that came from outside. Returns whether it may be tried again: all that it refers to is stored now. Throws
   * `FederationFailure` and `LeftAlone`.
   */
  async before(
    event: CheckedEvent,
    missing: readonly EventId[],
    room: RoomHere,
    source: Source,
    receive: Receive,
  ): Promise<boolean> {
    const prev = new Set(event.event.prevEvents)
    const prevMissing = missing.filter((eventId) => prev.has(eventId))
    if (prevMissing.length > 0) return this.#pull(event, prevMissing, room, source, receive)
    return this.#authOf(event, missing, room, source)
  }

  async #pull(
    { event }: CheckedEvent,
    missing: readonly EventId[],
    room: RoomHere,
    source: Source,
    receive: Receive,
  ): Promise<boolean> {
    const { reader } = this.#parts
    const old = new Set((await reader.missingAmong(room.room, missing)).map(({ eventId }) => eventId))
    let complete = true
    for (const eventId of [...old].slice(0, MAX_STATES))
      if (!(await this.#placeOnce(eventId, room, source))) complete = false
    const lacking = missing.filter((eventId) => !old.has(eventId))
    if (lacking.length === 0) return complete
    return (await this.#pullNew(event, lacking, room, source, receive)) && complete
  }

  async #pullNew(
    event: RoomEvent,
    missing: readonly EventId[],
    room: RoomHere,
    source: Source,
    receive: Receive,
  ): Promise<boolean> {
    if (!(await this.#mayAsk(source, missing))) return false
    const pulled = await this.#remembering(source, missing, () => this.#ask(event, missing, room, source))
    const got = new Set(pulled.map((each) => each.event.eventId))
    if (missing.every((eventId) => got.has(eventId))) {
      await this.#takePulled(inOrder(pulled, 'prevEvents'), room, source, receive)
    }
    const known = new Set((await this.#parts.known(missing)).map(({ eventId }) => eventId))
    const failed = missing.filter((eventId) => !known.has(eventId))
    if (failed.length > 0) await this.#failed(source, failed)
    return failed.length === 0
  }

  async #ask(
    { eventId }: RoomEvent,
    missing: readonly EventId[],
    room: RoomHere,
    { server, signal, isSender }: Source,
  ): Promise<readonly CheckedEvent[]> {
    const { fetch } = this.#parts
    const earliest = await this.#edges(room)
    if (isSender) return fetch.gap(server, room, { earliest, latest: [eventId] }, signal)
    const { events, failure } = await fetch.events(server, room, missing.slice(0, MAX_EARLIEST), signal)
    if (failure !== undefined) throw failure
    if (events.length === 0) return []
    const latest = events.map(({ event }) => event.eventId)
    return [...events, ...(await fetch.gap(server, room, { earliest, latest }, signal))]
  }

  /** Where the history that is here ends, and where it begins. */
  async #edges(room: RoomHere): Promise<readonly EventId[]> {
    const { newest, reader } = this.#parts
    const first = await reader.backwardExtremities(room.room, MAX_EARLIEST)
    return [...(await newest(room)).slice(0, MAX_EARLIEST), ...first.map(({ eventId }) => eventId)]
  }

  /** Takes pulled events, the oldest first, after the state was learned at those predecessors that are missing still. */
  async #takePulled(pulled: readonly CheckedEvent[], room: RoomHere, source: Source, receive: Receive): Promise<void> {
    const verdicts = await receive(pulled)
    const lacking = pulled.flatMap((each, index) => {
      const verdict = verdicts[index]
      return verdict?.kind === 'missing' ? [{ each, missing: verdict.events }] : []
    })
    if (lacking.length === 0) return
    // The create event, which this server has from its join, is placed like what was not pulled.
    const ofPulled = new Set(pulled.flatMap(({ event }) => (event.prevEvents.length === 0 ? [] : [event.eventId])))
    const beyond = new Set<EventId>()
    for (const { each, missing } of lacking) {
      const prev = new Set(each.event.prevEvents)
      const auth = missing.filter((eventId) => !prev.has(eventId))
      for (const eventId of missing) if (prev.has(eventId) && !ofPulled.has(eventId)) beyond.add(eventId)
      if (auth.length > 0) await this.#authOf(each, auth, room, source)
    }
    for (const eventId of [...beyond].slice(0, MAX_STATES)) await this.#placeOnce(eventId, room, source)
    await receive(lacking.map(({ each }) => each))
  }

  /** Whether the server may be asked for all of these now. Throws `LeftAlone` where it may be in a moment: what waits for them is not to be dropped then. */
  async #mayAsk({ server, isSender }: Source, eventIds: readonly EventId[]): Promise<boolean> {
    const { pulls, others } = this.#parts
    if (!isSender) return others.due(server, eventIds)
    if ((await pulls.due(server, eventIds)).length === eventIds.length) return true
    if (await pulls.isSoon(server, eventIds)) throw new LeftAlone()
    return false
  }

  /** Returns whether it is placed. */
  async #placeOnce(eventId: EventId, room: RoomHere, source: Source): Promise<boolean> {
    const { pulls, states } = this.#parts
    const { server, signal } = source
    if (!(await this.#mayAsk(source, [eventId]))) return false
    const placed = await this.#remembering(source, [eventId], () => states.place(server, room, eventId, signal))
    if (placed) await pulls.came([eventId])
    else await this.#failed(source, [eventId])
    return placed
  }

  /** Auth events that are missing: one by one where they are few, or else the event's whole auth chain. */
  async #authOf(
    { event }: CheckedEvent,
    missing: readonly EventId[],
    room: RoomHere,
    source: Source,
  ): Promise<boolean> {
    const { fetch, graph, known } = this.#parts
    const { server, signal, isSender } = source
    if (!(await this.#mayAsk(source, missing))) return false
    const chain: CheckedEvent[] = []
    await this.#remembering(source, missing, async () => {
      if (!isSender) return
      for await (const batch of fetch.authChain(server, room, event.eventId, signal)) {
        chain.push(...batch)
        if (chain.length > MAX_AUTH_EVENTS) throw new Error('an auth chain of too many events')
      }
    })
    const held = new Set(chain.map((each) => each.event.eventId))
    const rest = missing.filter((eventId) => !held.has(eventId))
    const { events, failure } = await fetch.events(server, room, rest, signal)
    chain.push(...events)
    const ordered = inOrder(chain, 'authEvents')
    for (let from = 0; from < ordered.length; from += AUTH_AT_ONCE)
      await graph.addOutliers(room.roomId, ordered.slice(from, from + AUTH_AT_ONCE))
    if (failure !== undefined) await this.#remembering(source, missing, () => Promise.reject(failure))
    const stored = new Set((await known(missing)).map(({ eventId }) => eventId))
    const failed = missing.filter((eventId) => !stored.has(eventId))
    if (failed.length > 0) await this.#failed(source, failed)
    return failed.length === 0
  }

  /** Remembers the events as failed where asking for them throws. */
  async #remembering<Result>(
    source: Source,
    eventIds: readonly EventId[],
    ask: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await ask()
    } catch (error) {
      await this.#failed(source, eventIds, { away: isPassing(error) })
      throw error
    }
  }

  async #failed({ server, isSender }: Source, eventIds: readonly EventId[], { away = false } = {}): Promise<void> {
    const { pulls, others } = this.#parts
    if (isSender) await pulls.failed(server, eventIds, { away })
    else others.failed(server, eventIds)
  }
}
