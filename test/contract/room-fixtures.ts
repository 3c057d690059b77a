import type { EventId, Membership, RoomId, UserId } from '#spec'
import { headOf, type NewStoredEvent, type RoomBase, type RoomChange, type Store, writers } from '#store'

export const ALICE = '@alice:localhost' as UserId
export const BOB = '@bob:localhost' as UserId
export const CAROL = '@carol:localhost' as UserId

let made = 0

/** A new event, and what it makes of its user where it is a member event. */
export type TestEvent = NewStoredEvent & { readonly membership?: Membership }

/** The store does not look into events: these only have the size and the fields of real ones. */
export const message = (changes: Partial<TestEvent> = {}): TestEvent => {
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
    placing: 'timeline',
    prevEvents: [],
    authEvents: [],
    ...changes,
  }
}

export const stateEvent = (type: string, stateKey: string, changes: Partial<TestEvent> = {}): TestEvent =>
  message({ type, stateKey, json: JSON.stringify({ type, stateKey, made }), ...changes })

export const member = (user: UserId, membership: Membership, changes: Partial<TestEvent> = {}): TestEvent =>
  stateEvent('m.room.member', user, { membership, ...changes })

/** As in a history without branches: each event of the timeline that is state enters it, and the last one is the only extremity. */
export const changeOf = (
  events: readonly TestEvent[],
  redactions: RoomChange['redactions'] = [],
): Omit<RoomChange, 'room' | 'base'> => {
  const timeline = events.filter(({ placing }) => placing === 'timeline')
  return {
    events,
    state: timeline.flatMap(({ type, stateKey, eventId, membership }) =>
      stateKey === undefined
        ? []
        : [{ type, stateKey, event: eventId, by: eventId, ...(membership === undefined ? {} : { membership }) }],
    ),
    extremities: timeline.slice(-1).map(({ eventId, depth }) => ({ eventId, depth })),
    redactions,
  }
}

export const newRoomId = (): RoomId => `!room${made++}:localhost` as RoomId

/** A room with its newest base, for tests that change it step by step. */
export interface TestRoom {
  readonly room: number
  readonly roomId: RoomId
  base: RoomBase
}

export const createRoom = async (
  store: Store,
  events: readonly TestEvent[] = [stateEvent('m.room.create', ''), member(ALICE, 'join')],
): Promise<TestRoom> => {
  const roomId = newRoomId()
  const [made] = await store.commit([
    writers.rooms.create({ roomId, version: '12', published: false, change: changeOf(events) }),
  ])
  return { room: made.room, roomId, base: made.base }
}

/** The room's base as the database has it. */
export const baseIn = async (store: Store, room: number): Promise<RoomBase> => {
  const record = await store.rooms.room(room)
  return { sequence: record?.sequence ?? 0, head: headOf(record?.extremities ?? []) }
}

/** Answers the positions of the events. */
export const applyTo = async (
  store: Store,
  room: TestRoom,
  events: readonly TestEvent[],
  redactions: RoomChange['redactions'] = [],
): Promise<readonly number[]> => {
  const [applied] = await store.commit([
    writers.rooms.apply({ room: room.room, base: room.base, ...changeOf(events, redactions) }),
  ])
  room.base = applied.base
  return applied.positions
}
