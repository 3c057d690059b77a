import { authEventTuples, authoriseEvent, historyVisibilityOf, maySeeEvent, toRoomEvent } from '#rules'
import {
  type EventId,
  type HistoryVisibility,
  type Membership,
  type Pdu,
  ROOM_VERSIONS,
  type RoomEvent,
  type RoomId,
  type RoomVersion,
  stringAt,
} from '#spec'
import type { RoomNumber, StoredEvent } from '#store'
import type { Readers } from '../../src/store/sql/ports.ts'
import { insist } from './violation.ts'

export interface ReplayedEvent {
  readonly position: number
  readonly event: RoomEvent
  readonly visibilityBefore: HistoryVisibility
  readonly transaction: string | undefined
}

interface Step {
  readonly membership: Membership
  readonly position: number
}

/** Two tuples with one key would need the same text on both sides of the space, and types hold none here. */
export const keyOf = (type: string, stateKey: string): string => `${type} ${stateKey}`

/** A room as it follows from its events alone. */
export class ReplayedRoom {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly version: RoomVersion
  readonly events: ReplayedEvent[] = []
  readonly state = new Map<string, RoomEvent>()
  readonly memberships = new Map<string, Step[]>()
  /** Each state entry's event from each position on. */
  readonly stateSteps: { readonly key: string; readonly position: number; readonly eventId: EventId }[] = []

  constructor(room: RoomNumber, roomId: RoomId, version: RoomVersion) {
    this.room = room
    this.roomId = roomId
    this.version = version
  }

  stateAt(position: number): ReadonlyMap<string, EventId> {
    const state = new Map<string, EventId>()
    for (const step of this.stateSteps) if (step.position <= position) state.set(step.key, step.eventId)
    return state
  }

  stepAt(userId: string, position: number): Step | undefined {
    return this.memberships.get(userId)?.findLast((step) => step.position <= position)
  }

  membershipAt(userId: string, position: number): Membership | undefined {
    return this.stepAt(userId, position)?.membership
  }

  /** Where the user's last stay ended; undefined for who never was in the room, or is in it. */
  endOfStay(userId: string, upTo: number): number | undefined {
    const steps = (this.memberships.get(userId) ?? []).filter(({ position }) => position <= upTo)
    const lastJoin = steps.findLastIndex(({ membership }) => membership === 'join')
    return lastJoin === -1 ? undefined : steps[lastJoin + 1]?.position
  }

  count(membership: Membership): number {
    return [...this.memberships.values()].filter((steps) => steps.at(-1)?.membership === membership).length
  }

  /** Whether history visibility, as it stood when the event was sent, lets the user see it. */
  sees(userId: string, { event, position, visibilityBefore }: ReplayedEvent, asOf: number): boolean {
    if (event.type === 'm.room.member' && event.stateKey === userId) return true
    const steps = this.memberships.get(userId) ?? []
    return maySeeEvent(userId as never, event, {
      visibility: visibilityBefore,
      membership: steps.findLast((step) => step.position < position)?.membership,
      joinedLater: steps.some(
        (step) => step.membership === 'join' && step.position > position && step.position <= asOf,
      ),
    })
  }
}

/** Follows the database and checks each event that came against the state that all before it made. */
export class Replay {
  readonly rooms = new Map<RoomId, ReplayedRoom>()
  readonly eventRooms = new Map<EventId, ReplayedRoom>()
  readonly #readers: Readers
  #reached = 0
  #following: Promise<void> = Promise.resolve()

  constructor(readers: Readers) {
    this.#readers = readers
  }

  find(eventId: string): ReplayedEvent | undefined {
    return this.eventRooms.get(eventId as EventId)?.events.find(({ event }) => event.eventId === eventId)
  }

  /** Takes in what came since. One after another: whoever asks meanwhile gets its answer after the one before. */
  follow(): Promise<void> {
    this.#following = this.#following.then(async () => {
      const events = await this.#readers.rooms.eventsAfter(this.#reached, Number.MAX_SAFE_INTEGER, 10_000)
      for (const stored of events) await this.#take(stored)
      this.#reached = events.at(-1)?.position ?? this.#reached
    })
    return this.#following
  }

  /** What the database says of each room now must be what its events make of it. */
  async compare(): Promise<void> {
    for (const room of this.rooms.values()) {
      await this.#compareRecord(room)
      await this.#compareState(room, 'current', new Map([...room.state].map(([key, { eventId }]) => [key, eventId])))
      const members = await this.#readers.rooms.members(room.room, ['join', 'invite', 'knock', 'leave', 'ban'])
      const expected = [...room.memberships].map(([userId, steps]) => `${userId} ${steps.at(-1)?.membership}`)
      const found = members.map(({ userId, membership }) => `${userId} ${membership}`)
      sameList(`the members of ${room.roomId}`, found.sort(), expected.sort())
    }
  }

  /** The same for the state at a position in the past. */
  async comparePast(room: ReplayedRoom, position: number): Promise<void> {
    await this.#compareState(room, position, room.stateAt(position))
  }

  async #take(stored: StoredEvent): Promise<void> {
    const room = await this.#roomOf(stored)
    const pdu = JSON.parse(stored.json) as Pdu
    const event = toRoomEvent(room.version, pdu, stored.eventId, stored.placing === 'rejected')
    this.#checkReferences(room, event)
    this.#checkAuthorised(room, event)
    const { transaction } = stored
    room.events.push({
      position: stored.position,
      event,
      visibilityBefore: historyVisibilityOf(room.state.get(keyOf('m.room.history_visibility', ''))?.content),
      transaction: transaction === undefined ? undefined : `${transaction.device} ${transaction.id}`,
    })
    this.eventRooms.set(event.eventId, room)
    this.#enterState(room, event, stored.position)
    await this.#redact(room, event)
  }

  #enterState(room: ReplayedRoom, event: RoomEvent, position: number): void {
    if (event.stateKey === undefined) return
    const key = keyOf(event.type, event.stateKey)
    room.state.set(key, event)
    room.stateSteps.push({ key, position, eventId: event.eventId })
    if (event.type !== 'm.room.member') return
    const steps = room.memberships.get(event.stateKey) ?? []
    steps.push({ membership: event.content.membership as Membership, position })
    room.memberships.set(event.stateKey, steps)
  }

  /** Later events are authorised by what is left of a redacted one. */
  async #redact(room: ReplayedRoom, event: RoomEvent): Promise<void> {
    if (event.type !== 'm.room.redaction') return
    const target = event.redacts ?? stringAt(event.content, 'redacts')
    const stored = target === undefined ? undefined : await this.#readers.rooms.event(target as EventId)
    if (stored?.stateKey === undefined || stored.roomId !== room.roomId || stored.redactedBy === undefined) return
    const key = keyOf(stored.type, stored.stateKey)
    if (room.state.get(key)?.eventId !== stored.eventId) return
    room.state.set(key, toRoomEvent(room.version, JSON.parse(stored.json) as Pdu, stored.eventId, false))
  }

  #checkReferences(room: ReplayedRoom, event: RoomEvent): void {
    const { eventId, prevEvents, authEvents } = event
    for (const id of [...prevEvents, ...authEvents]) {
      insist(this.eventRooms.get(id) === room, () => `${eventId} refers to ${id}, which is not in its room`)
    }
    const newest = room.events.at(-1)?.event.eventId
    sameList(`prev_events of ${eventId}`, prevEvents, newest === undefined ? [] : [newest])
  }

  #checkAuthorised(room: ReplayedRoom, event: RoomEvent): void {
    const verdict = authoriseEvent(room.version, event, (type, stateKey) => room.state.get(keyOf(type, stateKey)))
    insist(verdict.allowed, () => `${event.eventId} is not allowed by the state before it: ${JSON.stringify(verdict)}`)
    const cited = authEventTuples(room.version, event).flatMap(
      ({ type, stateKey }) => room.state.get(keyOf(type, stateKey))?.eventId ?? [],
    )
    sameList(`auth_events of ${event.eventId}`, [...event.authEvents].sort(), cited.sort())
  }

  async #roomOf({ room, roomId }: StoredEvent): Promise<ReplayedRoom> {
    const known = this.rooms.get(roomId)
    if (known !== undefined) return known
    const record = await this.#readers.rooms.room(room)
    const version = ROOM_VERSIONS.get(record?.version ?? '')
    if (version === undefined) throw new Error(`room ${roomId} has no version`)
    const made = new ReplayedRoom(room, roomId, version)
    this.rooms.set(roomId, made)
    return made
  }

  async #compareRecord(room: ReplayedRoom): Promise<void> {
    const record = await this.#readers.rooms.room(room.room)
    const newest = room.events.at(-1)
    const found = {
      joined: record?.joinedCount,
      invited: record?.invitedCount,
      extremities: record?.extremities.map(({ eventId }) => eventId),
      last: record?.lastPosition,
    }
    const expected = {
      joined: room.count('join'),
      invited: room.count('invite'),
      extremities: [newest?.event.eventId],
      last: newest?.position,
    }
    insist(
      JSON.stringify(found) === JSON.stringify(expected),
      () => `${room.roomId}: ${JSON.stringify({ found, expected })}`,
    )
  }

  /** As lists: an entry that is there twice must not hide behind its key. */
  async #compareState(
    room: ReplayedRoom,
    at: number | 'current',
    expected: ReadonlyMap<string, EventId>,
  ): Promise<void> {
    const found = await this.#readers.rooms.state(room.room, { at })
    sameList(
      `the state of ${room.roomId} at ${at}`,
      found.map(({ type, stateKey, eventId }) => `${keyOf(type, stateKey ?? '')} ${eventId}`).sort(),
      [...expected].map(([key, eventId]) => `${key} ${eventId}`).sort(),
    )
  }
}

export const sameList = (name: string, found: readonly string[], expected: readonly string[]): void => {
  const missing = expected.filter((item) => !found.includes(item))
  const extra = found.filter((item) => !expected.includes(item))
  const same = found.length === expected.length && found.every((item, index) => item === expected[index])
  insist(same, () => `${name}: ${JSON.stringify({ missing, extra, found, expected })}`)
}
