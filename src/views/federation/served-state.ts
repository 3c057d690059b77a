import { type Clock, type Slice, Slices, type TextPieces } from '#base'
import { toRoomEvent } from '#rules'
import { type EventId, MatrixError, type Pdu, type RoomId, type ServerName } from '#spec'
import type { EventsReader, RoomStateReader, ServerMembersReader, StateRef, StoredEvent } from '#store'
import type { ServerVisibility } from '../known/server-visibility.ts'
import { type StatePages, statePages } from '../known/state-pages.ts'
import { redactedText, type ServedRoom, type ServedRooms } from './served-rooms.ts'

export interface ServedStateParts {
  readonly rooms: ServedRooms
  readonly reader: EventsReader & RoomStateReader & Pick<ServerMembersReader, 'inCurrentState'>
  readonly visibility: Pick<ServerVisibility, 'mayServerSee'>
  readonly clock: Clock
}

const READ_AT_ONCE = 100
/** Events of an auth chain; a room with more has been tampered with. */
const MAX_CHAIN = 200_000
const SLICE_MS = 4

type Form = 'events' | 'ids'

/** The state of a room at an event, and the events that authorise others, as other servers ask for them. Answers are made while they are sent. */
export class ServedState {
  readonly #parts: ServedStateParts
  readonly #slices: Slices

  constructor(parts: ServedStateParts) {
    this.#parts = parts
    this.#slices = new Slices({ clock: parts.clock, sliceMs: SLICE_MS })
  }

  /** `GET /state`, `GET /state_ids`: the state before the event. Throws `M_FORBIDDEN`, `M_NOT_FOUND` for an event whose state is not known. */
  async before(roomId: RoomId, eventId: EventId, server: ServerName, form: Form): Promise<TextPieces> {
    const { rooms, reader } = this.#parts
    const room = await rooms.room(roomId, server)
    const event = await rooms.event(room, eventId)
    const ref = await reader.priorState(eventId)
    if (ref === undefined || event.placing === 'outlier' || room.record.partialSince !== undefined)
      throw new MatrixError('M_NOT_FOUND', 'The state at this event is not known')
    const shown = await this.#shownAt(room, event)
    return { begun: [], rest: this.#stateText(room, this.#statePages(room, ref), { form, shown }) }
  }

  /** `GET /event_auth`: the events that authorise this one, and theirs. Throws `M_FORBIDDEN`, `M_NOT_FOUND`. */
  async authChain(roomId: RoomId, eventId: EventId, server: ServerName): Promise<TextPieces> {
    const { rooms } = this.#parts
    const room = await rooms.room(roomId, server)
    const event = await rooms.event(room, eventId)
    const shown = await this.#shownAt(room, event)
    const rest = this.#chainText(room, authEventsOf(room, event), { form: 'events', shown })
    return { begun: ['{"auth_chain":['], rest: closed(rest, ']}') }
  }

  /**
   * A server that may see an event may see the state around it. Otherwise entries that are still in force are its own to see, and the others say no
   * more than what authorisation needs.
   */
  async #shownAt(room: ServedRoom, event: StoredEvent): Promise<Shown> {
    const { reader, visibility } = this.#parts
    if ((await visibility.mayServerSee(room.server, [event])).has(event.event)) return async () => everything
    return async (page) => {
      const ids = page.map(({ eventId }) => eventId)
      const inForce = await reader.inCurrentState(room.record.room, ids)
      return ({ eventId }) => inForce.has(eventId)
    }
  }

  async *#statePages({ record }: ServedRoom, { at, differs }: StateRef): StatePages {
    const { reader } = this.#parts
    const others = new Set(differs.map(({ type, stateKey }) => entryKey(type, stateKey)))
    const isOfLog = ({ type, stateKey = '' }: StoredEvent): boolean =>
      others.size === 0 || !others.has(entryKey(type, stateKey))
    for await (const page of statePages(reader, record.room, { at, members: true })) yield page.filter(isOfLog)
    const ids = differs.flatMap(({ event }) => event ?? [])
    for (let start = 0; start < ids.length; start += READ_AT_ONCE)
      yield await reader.events(ids.slice(start, start + READ_AT_ONCE))
  }

  async *#stateText(room: ServedRoom, pages: StatePages, how: How): TextPieces['rest'] {
    const told = new Set<EventId>()
    const auth = new Set<EventId>()
    const slice = this.#slices.begin()
    const [state, chain] = how.form === 'events' ? ['pdus', 'auth_chain'] : ['pdu_ids', 'auth_chain_ids']
    yield `{"${state}":[`
    let isFirst = true
    for await (const page of pages) {
      const events = page.filter(({ eventId }) => !told.has(eventId))
      const text = await this.#texts(room, events, how, slice)
      for (const event of events) {
        if (slice.isOver()) await slice.next()
        told.add(event.eventId)
        for (const id of authEventsOf(room, event)) auth.add(id)
      }
      if (text === '') continue
      yield isFirst ? text : `,${text}`
      isFirst = false
    }
    yield `],"${chain}":[`
    yield* this.#chainText(room, auth, how)
    yield ']}'
  }

  /** The events and all that authorise them, each once. */
  async *#chainText(room: ServedRoom, from: Iterable<EventId>, how: How): TextPieces['rest'] {
    const seen = new Set(from)
    const slice = this.#slices.begin()
    let waiting = [...seen]
    let isFirst = true
    while (waiting.length > 0 && seen.size <= MAX_CHAIN) {
      const events = await this.#parts.reader.events(waiting.slice(0, READ_AT_ONCE))
      waiting = waiting.slice(READ_AT_ONCE)
      const ours = events.filter((event) => event.room === room.record.room)
      const text = await this.#texts(room, ours, how, slice)
      for (const event of ours) {
        if (slice.isOver()) await slice.next()
        for (const id of authEventsOf(room, event)) {
          if (seen.has(id)) continue
          seen.add(id)
          waiting.push(id)
        }
      }
      if (text === '') continue
      yield isFirst ? text : `,${text}`
      isFirst = false
    }
  }

  async #texts({ version }: ServedRoom, events: readonly StoredEvent[], how: How, slice: Slice): Promise<string> {
    if (how.form === 'ids') return events.map(({ eventId }) => JSON.stringify(eventId)).join()
    const isShown = await how.shown(events)
    const texts: string[] = []
    for (const event of events) {
      if (slice.isOver()) await slice.next()
      texts.push(isShown(event) ? event.json : redactedText(version, event))
    }
    return texts.join()
  }
}

type IsShown = (event: StoredEvent) => boolean
type Shown = (page: readonly StoredEvent[]) => Promise<IsShown>
const everything: IsShown = () => true

interface How {
  readonly form: Form
  readonly shown: Shown
}

const entryKey = (type: string, stateKey: string): string => `${type}\0${stateKey}`

const authEventsOf = ({ version }: ServedRoom, { json, eventId }: StoredEvent): readonly EventId[] =>
  toRoomEvent(version, JSON.parse(json) as Pdu, eventId).authEvents

async function* closed(pieces: TextPieces['rest'], tail: string): TextPieces['rest'] {
  yield* pieces
  yield tail
}
