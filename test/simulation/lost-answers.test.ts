import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Committed, writers } from '#store'
import { ALICE, changeOf, member, newRoomId, stateEvent } from '../contract/room-fixtures.ts'
import { Dice } from '../crash/dice.ts'
import type { WriteFault } from './faulty-connection.ts'
import { makeDatabase, ProcessStore } from './process-store.ts'
import { ProcessClock, VirtualTime } from './virtual-time.ts'

/** How soon the queue asks what became of a commit without an answer. */
const ASK_AGAIN_MS = 250

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

const open = (gathersInserts: boolean) => {
  const folder = mkdtempSync(join(tmpdir(), 'homeroom-lost-'))
  const path = join(folder, 'homeroom.db')
  makeDatabase(path)
  const time = new VirtualTime()
  const clock = new ProcessClock(time)
  const storage: ProcessStore = new ProcessStore({
    path,
    clock,
    dice: new Dice(1),
    gathersInserts,
    onAnswer: (answer) => storage.hear(answer),
  })
  endings.push(async () => {
    await storage.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const heard: Committed[] = []
  storage.store.onCommitted((committed) => heard.push(committed))
  return {
    storage,
    clock,
    /** The rooms that were told of, in order. */
    told: () => heard.flatMap(({ announcements }) => announcements.flatMap(({ rooms }) => rooms)),
    reached: () => heard.at(-1)?.positions.events,
    /** Commits a new room; answers its number, or what went wrong. */
    create: async (fault: WriteFault = 'none') => {
      const change = changeOf([stateEvent('m.room.create', ''), member(ALICE, 'join')])
      const room = { roomId: newRoomId(), version: '12', published: false, change }
      const created = storage.store.commit([writers.rooms.create(room)])
      storage.connection.nextFault = fault
      const [outcome] = await Promise.allSettled([created, storage.letThrough(1)])
      return outcome.status === 'fulfilled' ? outcome.value[0].room : outcome.reason.name
    },
    pass: (ms: number) => {
      time.nowMs += ms
      clock.fireDue()
    },
  }
}

test.each([false, true])(
  'a commit without an answer is told of by the next one, first (inserts gathered: %s)',
  async (gathers) => {
    const { create, told, reached } = open(gathers)
    expect(await create()).toBe(1)
    expect(await create('loses its answer')).toBe('StoreUnavailable')
    expect(await create('loses its answer')).toBe('StoreUnavailable')
    expect(told()).toEqual([1])
    expect(await create()).toBe(4)
    expect(told()).toEqual([1, 2, 3, 4])
    expect(reached()).toBe(8)
    expect(await create()).toBe(5)
    expect(told()).toEqual([1, 2, 3, 4, 5])
  },
)

test('where no other commit comes, somebody asks what became of it, until that is known', async () => {
  const { create, told, pass, storage, clock } = open(false)
  expect(await create('loses its answer')).toBe('StoreUnavailable')
  pass(ASK_AGAIN_MS - 1)
  expect(storage.submitted).toBe(0)
  pass(1)
  expect(storage.submitted).toBe(1)
  storage.connection.nextFault = 'is busy'
  await storage.letThrough(1)
  expect(told()).toEqual([])
  pass(ASK_AGAIN_MS)
  await storage.letThrough(1)
  expect(told()).toEqual([1])
  // Nobody asks for ever.
  expect(clock.nextMs).toBeUndefined()
  expect(await create()).toBe(2)
  expect([told(), clock.nextMs]).toEqual([[1, 2], undefined])
})

test('a commit that failed is told of by nobody', async () => {
  const { create, told, pass, storage, clock } = open(false)
  expect(await create('fails')).toBe('StoreUnavailable')
  expect(await create('is busy')).toBe('StoreUnavailable')
  while (clock.nextMs !== undefined) {
    pass(ASK_AGAIN_MS)
    await storage.letThrough(1)
  }
  expect(told()).toEqual([])
  expect(await create()).toBe(1)
  expect(told()).toEqual([1])
})
