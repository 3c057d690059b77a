import { FairWork, jsonMembers } from '#base'
import { FederationFailure, type FederationRequest, type FederationRequests } from '#net'
import {
  type EventId,
  isJsonObject,
  type JsonValue,
  parseEventId,
  type RoomId,
  type RoomVersion,
  type ServerName,
} from '#spec'
import type { CheckPdus } from './check-pdus.ts'
import { type CheckedEvent, isChecked } from './checked-event.ts'

/** A room as its events are checked. */
export interface RoomToFetch {
  readonly roomId: RoomId
  readonly version: RoomVersion
}

/** The events between the newest known ones and one that came. */
export interface GapQuery {
  readonly earliest: readonly EventId[]
  readonly latest: readonly EventId[]
}

export interface StateIds {
  readonly state: readonly EventId[]
  readonly authChain: readonly EventId[]
}

/** Events that were asked for one by one. */
export interface FetchedEvents {
  readonly events: readonly CheckedEvent[]
  /** Why some were not answered for, where they may be had later. */
  readonly failure: Error | undefined
}

export interface FetchEventsParts {
  readonly requests: FederationRequests
  readonly check: CheckPdus
}

/** Events asked for in one `get_missing_events`, and the most that are taken of an answer. */
export const GAP_LIMIT = 20
const GAP_BYTES = 8 * 1024 * 1024
const EVENT_BYTES = 1024 * 1024
/** An event with white space and needless escapes. */
const ITEM_BYTES = 512 * 1024
const IDS_BYTES = 32 * 1024 * 1024
const MAX_IDS = 400_000
const STATE_BYTES = 512 * 1024 * 1024
const STATE_TIMEOUT_MS = 300_000
const BATCH = 200
/** Requests for single events, at a time. */
const REQUESTS = { concurrency: 32, ofOneKey: 8 }

/**
 * Gets events of rooms from other servers. All methods return what passed the checks which need no room and is of the room, take no more than limits of bytes,
 * count and time allow, and throw `FederationFailure`.
 */
export class FetchEvents {
  readonly #parts: FetchEventsParts
  readonly #work = new FairWork<ServerName>(REQUESTS)
  /** Requests under way: nobody asks a server twice at a time for the same event. */
  readonly #underWay = new Map<string, Promise<FetchedEvents>>()

  constructor(parts: FetchEventsParts) {
    this.#parts = parts
  }

  /** Events one by one; those that cannot be had are left out. Throws nothing, so that what came is kept. */
  async events(
    server: ServerName,
    room: RoomToFetch,
    eventIds: readonly EventId[],
    signal: AbortSignal,
  ): Promise<FetchedEvents> {
    const fetched = await Promise.all(eventIds.map((eventId) => this.#event(server, room, eventId, signal)))
    const failed = fetched.find(({ failure }) => failure !== undefined)
    return { events: fetched.flatMap(({ events }) => events), failure: failed?.failure }
  }

  /** `POST /get_missing_events`; bad events in the answer are passed over. */
  async gap(
    server: ServerName,
    room: RoomToFetch,
    { earliest, latest }: GapQuery,
    signal: AbortSignal,
  ): Promise<readonly CheckedEvent[]> {
    const answer = await this.#parts.requests.json(server, {
      method: 'POST',
      path: `/_matrix/federation/v1/get_missing_events/${encodeURIComponent(room.roomId)}`,
      body: { earliest_events: earliest, latest_events: latest, limit: GAP_LIMIT, min_depth: 0 },
      maxBytes: GAP_BYTES,
      signal,
    })
    const events = isJsonObject(answer) ? answer.events : undefined
    return Array.isArray(events) ? this.#checked(room, (events as readonly JsonValue[]).slice(0, GAP_LIMIT)) : []
  }

  /** `GET /event_auth`, in batches: the event's whole auth chain. `wanted`: only these. */
  authChain(
    server: ServerName,
    room: RoomToFetch,
    eventId: EventId,
    signal: AbortSignal,
  ): AsyncGenerator<readonly CheckedEvent[]> {
    const path = `/_matrix/federation/v1/event_auth/${encodeURIComponent(room.roomId)}/${encodeURIComponent(eventId)}`
    return this.#lists(server, room, { method: 'GET', path, maxBytes: STATE_BYTES, signal }, undefined)
  }

  /** `GET /state`, in batches: the state before an event, and its auth chain. Only the events of `wanted` are checked and returned. */
  state(
    server: ServerName,
    room: RoomToFetch,
    query: { readonly eventId: EventId; readonly wanted: ReadonlySet<EventId> },
    signal: AbortSignal,
  ): AsyncGenerator<readonly CheckedEvent[]> {
    const path = `/_matrix/federation/v1/state/${encodeURIComponent(room.roomId)}`
    const limits = { maxBytes: STATE_BYTES, timeoutMs: STATE_TIMEOUT_MS }
    return this.#lists(
      ...([server, room, { method: 'GET', path, query: { event_id: query.eventId }, ...limits, signal }] as const),
      query.wanted,
    )
  }

  /** `GET /state_ids`: the state before an event, as ids. */
  async stateIds(server: ServerName, room: RoomToFetch, eventId: EventId, signal: AbortSignal): Promise<StateIds> {
    const path = `/_matrix/federation/v1/state_ids/${encodeURIComponent(room.roomId)}`
    const request = { method: 'GET', path, query: { event_id: eventId }, maxBytes: IDS_BYTES, signal } as const
    const stream = await this.#parts.requests.stream(server, request)
    const state = new Set<EventId>()
    const authChain = new Set<EventId>()
    const lists = new Set(['pdu_ids', 'auth_chain_ids'])
    const limits = { maxTextBytes: 4_096, maxBytes: IDS_BYTES }
    try {
      for await (const members of jsonMembers(stream.bytes, { lists, wanted: new Set(), ...limits })) {
        for (const { name, text } of members) {
          const id = parsed(text)
          const found = typeof id === 'string' ? parseEventId(id) : undefined
          if (found !== undefined) (name === 'pdu_ids' ? state : authChain).add(found)
        }
        if (state.size + authChain.size > MAX_IDS) throw new Error('a state of too many events')
      }
    } finally {
      stream.destroy()
    }
    return { state: [...state], authChain: [...authChain] }
  }

  async *#lists(
    server: ServerName,
    room: RoomToFetch,
    request: FederationRequest,
    wanted: ReadonlySet<EventId> | undefined,
  ): AsyncGenerator<readonly CheckedEvent[]> {
    const stream = await this.#parts.requests.stream(server, request)
    const lists = new Set(['pdus', 'auth_chain'])
    let batch: JsonValue[] = []
    try {
      const limits = { maxTextBytes: ITEM_BYTES, maxBytes: request.maxBytes ?? STATE_BYTES }
      for await (const members of jsonMembers(stream.bytes, { lists, wanted: new Set(), ...limits })) {
        for (const { text } of members) {
          batch.push(parsed(text))
          if (batch.length < BATCH) continue
          yield await this.#checked(room, batch, wanted)
          batch = []
        }
      }
    } finally {
      stream.destroy()
    }
    if (batch.length > 0) yield await this.#checked(room, batch, wanted)
  }

  #event(server: ServerName, room: RoomToFetch, eventId: EventId, signal: AbortSignal): Promise<FetchedEvents> {
    const key = `${server} ${eventId}`
    const before = this.#underWay.get(key)
    if (before !== undefined) return before
    const fetched = this.#work
      .run(server, async () => {
        signal.throwIfAborted()
        const event = await this.#ask(server, room, eventId, signal)
        return { events: event === undefined ? [] : [event], failure: undefined }
      })
      .catch((error: unknown) => ({
        events: [],
        failure: error instanceof Error && isPassing(error) ? error : undefined,
      }))
      .finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, fetched)
    return fetched
  }

  async #ask(
    server: ServerName,
    room: RoomToFetch,
    eventId: EventId,
    signal: AbortSignal,
  ): Promise<CheckedEvent | undefined> {
    const path = `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`
    const answer = await this.#parts.requests.json(server, { method: 'GET', path, maxBytes: EVENT_BYTES, signal })
    const pdus = isJsonObject(answer) ? answer.pdus : undefined
    const [pdu] = Array.isArray(pdus) ? (pdus as readonly JsonValue[]) : []
    const [event] = pdu === undefined ? [] : await this.#checked(room, [pdu])
    return event?.event.eventId === eventId ? event : undefined
  }

  async #checked(
    room: RoomToFetch,
    pdus: readonly JsonValue[],
    wanted?: ReadonlySet<EventId>,
  ): Promise<readonly CheckedEvent[]> {
    const outcomes = await this.#parts.check.check(room.version, pdus, { wanted })
    return outcomes.filter(isChecked).filter(({ event }) => event.roomId === room.roomId)
  }
}

/** Whether a server may have what is asked for when it is asked later: it was away, overloaded or slow. */
export const isPassing = (error: unknown): boolean => {
  if (!(error instanceof FederationFailure)) return true
  const { kind, status = 0 } = error.parts
  return kind === 'unreachable' || (kind === 'refused' && (status === 429 || status >= 500))
}

/** null, which is no event and no id, for what is no JSON. */
const parsed = (text: string): JsonValue => {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return null
  }
}
