import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Store, StoredEvent } from '#store'
import { onEveryDatabase } from './databases.ts'
import { applyTo, createRoom, message, stateEvent, type TestEvent } from './room-fixtures.ts'

/** One turn of the room: each number is an event; small ones change one of a few entries, the others are messages. */
const history = fc.array(fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 })

const eventOf = (number: number): TestEvent =>
  number < 6 ? stateEvent(`m.type.${number % 2}`, `key ${number % 3}`) : message()

type State = ReadonlyMap<string, string>
const keyOf = (event: { readonly type: string; readonly stateKey: string | undefined }): string =>
  `${event.type} ${event.stateKey}`
/** Each entry must be there once: a map would hide another one behind it. */
const stateOf = (events: readonly StoredEvent[]): State => {
  expect(new Set(events.map(keyOf)).size).toBe(events.length)
  return new Map(events.map((event) => [keyOf(event), event.eventId]))
}

interface Replayed {
  readonly room: number
  /** The state after each position, played by the simplest means. */
  readonly stateAt: ReadonlyMap<number, State>
}

const play = async (store: Store, turns: readonly (readonly number[])[]): Promise<Replayed> => {
  const create = stateEvent('m.room.create', '')
  const room = await createRoom(store, [create])
  const [createPosition = 0] = (await store.rooms.timeline(room.room, { direction: 'forward', limit: 1 })).map(
    ({ position }) => position,
  )
  const stateAt = new Map<number, State>([[createPosition, new Map([[keyOf(create), create.eventId]])]])
  let state = stateAt.get(createPosition) ?? new Map()
  for (const turn of turns) {
    const events = turn.map(eventOf)
    const positions = await applyTo(store, room, events)
    for (const [index, event] of events.entries()) {
      if (event.stateKey !== undefined) state = new Map([...state, [keyOf(event), event.eventId]])
      stateAt.set(positions[index] ?? 0, state)
    }
  }
  return { room: room.room, stateAt }
}

const RUNS = 25

/** Each is asked of the database in a way of its own. */
const NARROW_QUERIES: readonly {
  readonly ask: Partial<Parameters<Store['rooms']['state']>[1]>
  holds(key: string): boolean
}[] = [
  { ask: { types: ['m.type.0'] }, holds: (key) => key.startsWith('m.type.0 ') },
  { ask: { types: ['m.type.0', 'm.room.member'] }, holds: (key) => key.startsWith('m.type.0 ') },
  { ask: { notTypes: ['m.type.0'] }, holds: (key) => !key.startsWith('m.type.0 ') },
  { ask: { types: ['m.type.1'], stateKeys: ['key 1'] }, holds: (key) => key === 'm.type.1 key 1' },
]

onEveryDatabase('the state log', (open) => {
  test('the state at any position is what a replay gives', async () => {
    const store = await open()
    await fc.assert(
      fc.asyncProperty(history, async (turns) => {
        const { room, stateAt } = await play(store, turns)
        for (const [position, state] of stateAt) {
          expect(stateOf(await store.rooms.state(room, { at: position }))).toEqual(state)
          for (const query of NARROW_QUERIES) {
            const wanted = [...state].filter(([key]) => query.holds(key))
            expect(stateOf(await store.rooms.state(room, { at: position, ...query.ask }))).toEqual(new Map(wanted))
          }
          for (const [key, eventId] of state) {
            const [type = '', ...rest] = key.split(' ')
            expect((await store.rooms.stateEvent(room, position, type, rest.join(' ')))?.eventId).toBe(eventId)
          }
        }
        const newest = [...stateAt.values()].at(-1) ?? new Map<string, string>()
        expect(stateOf(await store.rooms.state(room, { at: 'current' }))).toEqual(newest)
        for (const query of NARROW_QUERIES) {
          const wanted = [...newest].filter(([key]) => query.holds(key))
          expect(stateOf(await store.rooms.state(room, { at: 'current', ...query.ask }))).toEqual(new Map(wanted))
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('the changes between two positions lead from the one state to the other', async () => {
    const store = await open()
    await fc.assert(
      fc.asyncProperty(history, fc.nat(), fc.nat(), async (turns, one, other) => {
        const { room, stateAt } = await play(store, turns)
        const positions = [...stateAt.keys()]
        const ends = [positions[one % positions.length] ?? 0, positions[other % positions.length] ?? 0]
        const [from, to] = [Math.min(...ends), Math.max(...ends)]
        const changes = stateOf(await store.rooms.stateChanges(room, from, to))
        expect(new Map([...(stateAt.get(from) ?? []), ...changes])).toEqual(new Map(stateAt.get(to)))
        // Nothing is named that was in force already.
        for (const [key, eventId] of changes) expect(stateAt.get(from)?.get(key)).not.toBe(eventId)
      }),
      { numRuns: RUNS },
    )
  })

  test('every state event names the one whose place it took', async () => {
    const store = await open()
    await fc.assert(
      fc.asyncProperty(history, async (turns) => {
        const { room } = await play(store, turns)
        const before = new Map<string, string>()
        for (const event of await store.rooms.timeline(room, { direction: 'forward', limit: 100 })) {
          expect(event.replaces?.eventId).toBe(event.stateKey === undefined ? undefined : before.get(keyOf(event)))
          if (event.stateKey !== undefined) before.set(keyOf(event), event.eventId)
        }
      }),
      { numRuns: RUNS },
    )
  })
})
