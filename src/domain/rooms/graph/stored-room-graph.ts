import { type StateMap, toRoomEvent } from '#rules'
import { type EventId, type Pdu, ROOM_VERSIONS, type RoomId } from '#spec'
import type { EventsReader, RoomGraphReader, RoomRecordsReader } from '#store'
import { type Rooms, UnknownRoom } from '../turns/rooms.ts'
import type { BranchJoins } from './branch-joins.ts'
import type { BranchStates } from './branch-states.ts'
import { Intake, type IntakeGoal, type IntakeParts } from './intake.ts'
import type { Outliers } from './outliers.ts'
import type { RoomEntrances } from './room-entrance.ts'
import type { CheckedEvent, ReceivedEvent, ReceiveOptions, RoomEntry, RoomGraph, Verdict } from './room-graph.ts'
import type { RoomStates } from './room-states.ts'
import type { GraphRoom } from './state-view.ts'
import { viewOf } from './state-view.ts'

export interface StoredRoomGraphParts {
  readonly rooms: Rooms
  readonly reader: RoomGraphReader & RoomRecordsReader & EventsReader
  readonly states: RoomStates
  readonly branches: BranchStates
  readonly outliers: Outliers
  readonly entrance: RoomEntrances
  readonly intake: IntakeParts
  readonly joins: Pick<BranchJoins, 'consider'>
}

/** Events of one turn: its commit is one step of the writer, and one message to it. */
const MAX_IN_TURN = 50

/** Rooms whose history branches, over the store. */
export class StoredRoomGraph implements RoomGraph {
  readonly #parts: StoredRoomGraphParts

  constructor(parts: StoredRoomGraphParts) {
    this.#parts = parts
  }

  async addOutliers(roomId: RoomId, events: readonly CheckedEvent[]): Promise<void> {
    await this.#parts.outliers.add(await this.#room(roomId), events)
    const again = await this.#waitingFor(roomId, events)
    if (again.length > 0) await this.receive(roomId, again)
  }

  receive(roomId: RoomId, events: readonly ReceivedEvent[], options: ReceiveOptions = {}): Promise<readonly Verdict[]> {
    return this.#takeAll(roomId, events, 'timeline', options)
  }

  addHistory(roomId: RoomId, events: readonly ReceivedEvent[]): Promise<readonly Verdict[]> {
    return this.#takeAll(roomId, events, 'history', {})
  }

  enter(entry: RoomEntry): Promise<void> {
    return this.#parts.entrance.enter(entry)
  }

  async complete(roomId: RoomId, state: StateMap): Promise<boolean> {
    return this.#parts.entrance.complete(await this.#room(roomId), state)
  }

  async stateBefore(roomId: RoomId, eventId: EventId): Promise<StateMap | undefined> {
    const room = await this.#room(roomId)
    const [event] = await this.#parts.reader.graphEvents([eventId])
    if (event?.before === undefined || event.room !== room.room) return undefined
    return this.#parts.states.whole(room.room, viewOf(event.before))
  }

  async stateAfter(roomId: RoomId, eventId: EventId): Promise<StateMap | undefined> {
    const room = await this.#room(roomId)
    const [event] = await this.#parts.reader.graphEvents([eventId])
    const view = await this.#parts.branches.after(room, event)
    return view === undefined ? undefined : this.#parts.states.whole(room.room, view)
  }

  async #takeAll(
    roomId: RoomId,
    events: readonly ReceivedEvent[],
    goal: IntakeGoal,
    options: ReceiveOptions,
  ): Promise<readonly Verdict[]> {
    const verdicts = new Map<EventId, Verdict>()
    let pending = events
    while (pending.length > 0) {
      const given = await this.#takeSome(roomId, pending, goal, options)
      for (const [index, verdict] of given.entries()) {
        const eventId = pending[index]?.event.eventId
        if (eventId !== undefined && !(verdict.kind === 'known' && verdicts.has(eventId)))
          verdicts.set(eventId, verdict)
      }
      const accepted = pending.slice(0, given.length).filter((_, index) => given[index]?.kind === 'accepted')
      pending = [...(await this.#waitingFor(roomId, accepted)), ...pending.slice(given.length)]
    }
    return events.map(({ event }) => verdicts.get(event.eventId) ?? { kind: 'known' })
  }

  /** Takes the first of the events, as many as one turn can, and returns their verdicts. */
  #takeSome(
    roomId: RoomId,
    events: readonly ReceivedEvent[],
    goal: IntakeGoal,
    options: ReceiveOptions,
  ): Promise<readonly Verdict[]> {
    const some = events.slice(0, MAX_IN_TURN)
    return this.#parts.rooms.turn(
      roomId,
      async (turn) => {
        const intake = new Intake(turn, { goal, options }, this.#parts.intake)
        await intake.begin(some, events.slice(some.length))
        const verdicts: Verdict[] = []
        for (const event of some) {
          const verdict = await intake.take(event)
          if (verdict === undefined) break
          verdicts.push(verdict)
        }
        if (goal === 'timeline') this.#parts.joins.consider(roomId, turn.extremities.length)
        return verdicts
      },
      { settled: true },
    )
  }

  /** Rejected events that may be allowed now that these are there. */
  async #waitingFor(roomId: RoomId, accepted: readonly CheckedEvent[]): Promise<readonly ReceivedEvent[]> {
    if (accepted.length === 0) return []
    const { reader } = this.#parts
    const room = await this.#room(roomId)
    const ids = await this.#parts.outliers.reconsider(
      room,
      accepted.map(({ event }) => event.eventId),
    )
    const texts = await reader.eventTexts(ids)
    return texts.map(({ eventId, json }) => ({
      event: toRoomEvent(room.version, JSON.parse(json) as Pdu, eventId),
      json,
    }))
  }

  async #room(roomId: RoomId): Promise<GraphRoom> {
    const record = await this.#parts.reader.roomByRoomId(roomId)
    const version = record === undefined ? undefined : ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined) throw new UnknownRoom()
    return { room: record.room, roomId, version }
  }
}
