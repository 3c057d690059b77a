import type { Clock } from '#base'
import { FederationFailure, type FederationRequests } from '#net'
import { toRoomEvent } from '#rules'
import {
  type EventId,
  isJsonObject,
  type JsonValue,
  type Pdu,
  ROOM_VERSIONS,
  type RoomId,
  type ServerName,
} from '#spec'
import type { RoomGraphReader, RoomRecordsReader, RoomServersReader } from '#store'
import type { RoomGraph } from '../graph/index.ts'
import {
  type CheckedEvent,
  type CheckPdus,
  inOrder,
  isChecked,
  type MissingStates,
  type PullMemory,
  type RoomHere,
} from '../receiving/index.ts'

export interface BackfillParts {
  readonly reader: RoomGraphReader & RoomRecordsReader & RoomServersReader
  readonly requests: Pick<FederationRequests, 'json'>
  readonly check: CheckPdus
  readonly states: MissingStates
  readonly pulls: Pick<PullMemory, 'due' | 'failed' | 'came'>
  readonly graph: Pick<RoomGraph, 'addHistory'>
  readonly serverName: ServerName
  readonly clock: Clock
}

/** A user waits for it. */
const TIME_BOX_MS = 15_000
const ASK_MS = 8_000
const MAX_SERVERS = 5
const LIMIT = 100
const MAX_BYTES = 16 * 1024 * 1024
/** Ends of the known history of which one request asks. */
const MAX_ENDS = 5
const ENDS_LOOKED_AT = 100
/** Refused events that are gone back through to find what is missing before them. */
const MAX_REFUSED = 200
/** Fetched events before which the state is asked for. */
const MAX_STATES = 5

/**
 * Gets events of a room's past that this server lacks, for somebody who reads back to where they are missing (server-server API, "Backfilling and retrieving
 * missing events").
 */
export class Backfill {
  readonly #parts: BackfillParts
  readonly #underWay = new Map<RoomId, Promise<boolean>>()

  constructor(parts: BackfillParts) {
    this.#parts = parts
  }

  /**
   * Asks servers of the room, those first that are in it for longest, for what is missing nearest to that depth. Returns whether anything new is stored, which may
   * be refused events alone. One at a time for a room; ends when its time is over.
   */
  async near(roomId: RoomId, depth: number): Promise<boolean> {
    const underWay = this.#underWay.get(roomId)
    if (underWay !== undefined) return underWay
    const filling = this.#near(roomId, depth).finally(() => this.#underWay.delete(roomId))
    this.#underWay.set(roomId, filling)
    return filling
  }

  async #near(roomId: RoomId, depth: number): Promise<boolean> {
    const { reader, serverName, clock } = this.#parts
    const record = await reader.roomByRoomId(roomId)
    const version = record && ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined) return false
    // Earlier events are judged by who was in the room.
    if (record.partialSince !== undefined) return false
    const room: RoomHere = { roomId, version, room: record.room }
    const servers = (await reader.serversOf(record.room)).map(({ name }) => name)
    // A server that is not in the room is told nothing.
    if (!servers.includes(serverName)) return false
    const ends = await this.#endsNear(room, depth)
    if (ends.length === 0) return false
    const box = new AbortController()
    const cancel = clock.after(TIME_BOX_MS, () => box.abort())
    try {
      for (const server of servers.filter((name) => name !== serverName).slice(0, MAX_SERVERS)) {
        if (box.signal.aborted) break
        if (await this.#from(server, room, ends, box.signal)) return true
      }
      return false
    } finally {
      cancel()
    }
  }

  /** The missing events that are referred to nearest to a depth; behind refused ones, those that are missing before them. */
  async #endsNear(room: RoomHere, depth: number): Promise<readonly EventId[]> {
    const { reader } = this.#parts
    const missing = await reader.backwardExtremities(room.room, ENDS_LOOKED_AT)
    const nearest = missing.toSorted((one, other) => Math.abs(one.depth - depth) - Math.abs(other.depth - depth))
    const ends = new Set<EventId>()
    const waiting = nearest.slice(0, MAX_ENDS).map(({ eventId }) => eventId)
    for (let looked = 0; waiting.length > 0 && looked < MAX_REFUSED; looked += 1) {
      const [eventId] = waiting.splice(0, 1) as [EventId]
      const [stored] = await reader.eventTexts([eventId])
      if (stored?.placing === 'rejected' && stored.room === room.room)
        waiting.push(...toRoomEvent(room.version, JSON.parse(stored.json) as Pdu, eventId).prevEvents)
      else if (stored === undefined || stored.placing === 'outlier') ends.add(eventId)
    }
    return [...ends].slice(0, MAX_ENDS)
  }

  /** Returns whether that server gave what was missing. */
  async #from(server: ServerName, room: RoomHere, ends: readonly EventId[], signal: AbortSignal): Promise<boolean> {
    const { pulls } = this.#parts
    const due = await pulls.due(server, ends)
    if (due.length === 0) return false
    try {
      await this.#store(server, room, await this.#ask(server, room, due, signal), signal)
    } catch (error) {
      if (!(error instanceof FederationFailure) && !signal.aborted) throw error
    }
    // What was fetched may have been known, or have been nothing: only an end that is stored now is a step back.
    const stored = (await this.#parts.reader.eventTexts(due)).filter(({ placing }) => placing !== 'outlier')
    const came = new Set(stored.map(({ eventId }) => eventId))
    await pulls.came([...came])
    await pulls.failed(
      server,
      due.filter((eventId) => !came.has(eventId)),
    )
    return came.size > 0
  }

  async #ask(
    server: ServerName,
    room: RoomHere,
    ends: readonly EventId[],
    signal: AbortSignal,
  ): Promise<readonly CheckedEvent[]> {
    const { requests, check } = this.#parts
    const answer = await requests.json(server, {
      method: 'GET',
      path: `/_matrix/federation/v1/backfill/${encodeURIComponent(room.roomId)}`,
      query: { v: ends, limit: LIMIT },
      ...{ timeoutMs: ASK_MS, maxBytes: MAX_BYTES, signal },
    })
    const pdus = isJsonObject(answer) && Array.isArray(answer.pdus) ? (answer.pdus as readonly JsonValue[]) : []
    const outcomes = await check.check(room.version, pdus.slice(0, LIMIT))
    return inOrder(
      outcomes.filter(isChecked).filter(({ event }) => event.roomId === room.roomId),
      'prevEvents',
    )
  }

  /** Stores the events, earlier ones first. Where what is before the earliest is not known, that server is asked for the state there. */
  async #store(
    server: ServerName,
    room: RoomHere,
    events: readonly CheckedEvent[],
    signal: AbortSignal,
  ): Promise<void> {
    const { graph, states } = this.#parts
    let asked = 0
    let waiting = events
    while (waiting.length > 0 && !signal.aborted) {
      const verdicts = await graph.addHistory(room.roomId, waiting)
      const missing = waiting.filter((_, index) => verdicts[index]?.kind === 'missing')
      const [first] = missing
      if (first === undefined || asked >= MAX_STATES) return
      asked += 1
      await states.place(server, room, first.event.eventId, signal)
      waiting = missing.slice(1)
    }
  }
}
