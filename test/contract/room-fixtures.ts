import type { EventId, Membership, RoomId, UserId } from '#spec'
import { type NewStoredEvent, type RoomChange, type Store, writers } from '#store'

export const ALICE = '@alice:localhost' as UserId
export const BOB = '@bob:localhost' as UserId
export const CAROL = '@carol:localhost' as UserId

let made = 0

/** The store does not look into events: these only have the size and the fields of real ones. */
export const message = (changes: Partial<NewStoredEvent> = {}): NewStoredEvent => {
  const number = made++
  const eventId = changes.eventId ?? (`$${String(number).padStart(43, 'e')}` as EventId)
  return {
    eventId,
    type: 'm.room.message',
    stateKey: undefined,
    sender: ALICE,
    originServerTs: 1_700_000_000_000 + number,
    depth: number,
    json: JSON.stringify({ content: { body: `message ${number}`, msgtype: 'm.text' }, type: 'm.room.message' }),
    entersState: false,
    ...changes,
  }
}

export const stateEvent = (type: string, stateKey: string, changes: Partial<NewStoredEvent> = {}): NewStoredEvent =>
  message({ type, stateKey, entersState: true, json: JSON.stringify({ type, stateKey, made }), ...changes })

export const member = (user: UserId, membership: Membership, changes: Partial<NewStoredEvent> = {}): NewStoredEvent =>
  stateEvent('m.room.member', user, { membership, ...changes })

export const changeOf = (
  events: readonly NewStoredEvent[],
  redactions: RoomChange['redactions'] = [],
): Omit<RoomChange, 'room' | 'expectedSequence'> => ({
  events,
  extremities: events.slice(-1).map(({ eventId, depth }) => ({ eventId, depth })),
  redactions,
})

export const newRoomId = (): RoomId => `!room${made++}:localhost` as RoomId

/** A room with its newest sequence number, for tests that change it step by step. */
export interface TestRoom {
  readonly room: number
  readonly roomId: RoomId
  sequence: number
}

export const createRoom = async (
  store: Store,
  events: readonly NewStoredEvent[] = [stateEvent('m.room.create', ''), member(ALICE, 'join')],
): Promise<TestRoom> => {
  const roomId = newRoomId()
  const [made] = await store.commit([
    writers.rooms.create({ roomId, version: '12', published: false, change: changeOf(events) }),
  ])
  return { room: made.room, roomId, sequence: made.sequence }
}

/** Answers the positions of the events. */
export const applyTo = async (
  store: Store,
  room: TestRoom,
  events: readonly NewStoredEvent[],
  redactions: RoomChange['redactions'] = [],
): Promise<readonly number[]> => {
  const [applied] = await store.commit([
    writers.rooms.apply({ room: room.room, expectedSequence: room.sequence, ...changeOf(events, redactions) }),
  ])
  room.sequence = applied.sequence
  return applied.positions
}
