import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BusMessage,
  type DurablePositions,
  type DurableStreamName,
  InProcessBus,
  type News,
  PROCESSES,
  resumedFrom,
  Streams,
} from '#streams'
import { SteppedClock } from '../support/stepped-clock.ts'

const START: DurablePositions = {
  events: 0,
  receipts: 0,
  accountData: 0,
  toDevice: 0,
  deviceLists: 0,
  threadSubscriptions: 0,
  stickyEvents: 0,
  profiles: 0,
  sessions: 0,
  federationEdus: 0,
}
const MINUTE = 60_000

/** A database of which several processes hear by a bus that may lose, delay and reorder what others say. */
class Shared {
  positions: DurablePositions = START
  reads = 0
  read = async (): Promise<DurablePositions> => this.positions
  isDown = false

  commit(stream: DurableStreamName, rooms: readonly number[], users: readonly number[] = []): BusMessage {
    const position = this.positions[stream] + 1
    const before = { [stream]: this.positions[stream] }
    this.positions = { ...this.positions, [stream]: position }
    const news = [{ stream, position, rooms, users }]
    return { kind: 'committed', before, positions: { [stream]: position }, news }
  }
}

class Process {
  readonly clock: SteppedClock
  readonly bus = new InProcessBus()
  readonly streams: Streams
  readonly heard: News[] = []
  missed = 0

  constructor(shared: Shared, process = 0, clock = new SteppedClock()) {
    this.clock = clock
    this.streams = new Streams({
      ...{ clock, process },
      bus: this.bus,
      durable: shared.positions,
      readDurable: async () => {
        shared.reads++
        if (shared.isDown) throw new Error('the database is down')
        return shared.read()
      },
      roomsAround: async () => [],
    })
    this.streams.onNews({
      news: (news) => this.heard.push(...news),
      missed: () => {
        this.missed++
      },
    })
  }

  /** Resolves with whether there was news. */
  async wait(user: number, rooms: readonly number[]): Promise<() => boolean | undefined> {
    let told: boolean | undefined
    const waiter = {
      notify: (isNews: boolean) => {
        told = isNews
      },
    }
    const wait = { listener: user, since: this.streams.snapshot(), timeoutMs: MINUTE, rooms: async () => rooms }
    await this.streams.listen(waiter, wait)
    return () => told
  }

  async settled(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => this.clock.soon(resolve))
  }
}

/** The positions that clients read. */
const readable = ({ events, receipts, accountData, toDevice, deviceLists }: DurablePositions) => ({
  ...{ events, receipts, accountData },
  ...{ toDevice, deviceLists },
})

describe('a process that missed news', () => {
  it('wakes everybody with the next news, forgets what it knew, and reads how far all streams reach', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    const waiting = await process.wait(1, [10])
    const other = await process.wait(2, [20])
    shared.commit('receipts', [20])
    shared.commit('events', [10])
    process.bus.publish(shared.commit('events', [30]))
    expect([waiting(), other()]).toEqual([true, true])
    expect(process.missed).toBeGreaterThan(0)
    await process.settled()
    expect(process.streams.positions()).toMatchObject(readable(shared.positions))
  })

  it('asks the store once, not again with every later news', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    shared.commit('receipts', [1])
    shared.commit('events', [1])
    process.bus.publish(shared.commit('events', [1]))
    await process.settled()
    const { reads } = shared
    process.bus.publish(shared.commit('events', [1]))
    await process.settled()
    expect([process.missed, shared.reads]).toEqual([2, reads])
  })

  it('asks once more where news was missed while the store was asked', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    shared.commit('events', [1])
    process.bus.publish(shared.commit('events', [1]))
    shared.commit('events', [1])
    shared.commit('receipts', [1])
    process.bus.publish(shared.commit('events', [1]))
    await process.settled()
    expect(process.streams.positions()).toMatchObject({ events: 4, receipts: 1 })
    expect(shared.reads).toBe(2)
  })

  it('tells also a request that is about to wait', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    const since = process.streams.snapshot()
    shared.commit('events', [10])
    expect(await process.streams.reach({ events: 1 })).toBe(true)
    let told: boolean | undefined
    const waiter = {
      notify: (isNews: boolean) => {
        told = isNews
      },
    }
    await process.streams.listen(waiter, { listener: 1, since, timeoutMs: MINUTE, rooms: async () => [10] })
    expect(told).toBe(true)
  })

  it('and misses none reads nothing, and wakes only those concerned', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    const [waiting, other] = [await process.wait(1, [10]), await process.wait(2, [20])]
    for (const stream of ['events', 'receipts', 'sessions', 'events'] as const)
      process.bus.publish(shared.commit(stream, [10]))
    expect([waiting(), other()]).toEqual([true, undefined])
    expect([process.missed, shared.reads]).toEqual([0, 0])
  })

  it('asks for the rooms of its listeners again', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    await process.wait(1, [10])
    shared.commit('events', [20], [1])
    process.bus.publish(shared.commit('events', [30]))
    await process.settled()
    const waiting = await process.wait(1, [10, 20])
    process.bus.publish(shared.commit('events', [20]))
    expect(waiting()).toBe(true)
  })

  it('asks the store with later news where it could not be asked', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    shared.isDown = true
    shared.commit('receipts', [1])
    shared.commit('events', [1])
    process.bus.publish(shared.commit('events', [1]))
    await process.settled()
    expect(process.streams.positions().receipts).toBe(0)
    shared.isDown = false
    process.bus.publish(shared.commit('events', [1]))
    await process.settled()
    expect(process.streams.positions().receipts).toBe(1)
  })

  it('takes news that comes late and out of order without going back', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    const late = shared.commit('events', [1])
    process.bus.publish(shared.commit('events', [1]))
    const { missed } = process
    process.bus.publish(late)
    expect(process.streams.positions().events).toBe(2)
    expect(process.missed).toBe(missed)
  })

  it('never skips anything, whatever is lost, late or reordered', async () => {
    const streams = fc.constantFrom<DurableStreamName>('events', 'receipts', 'accountData', 'sessions')
    const step = fc.record({ stream: streams, room: fc.nat({ max: 3 }), fate: fc.constantFrom('now', 'late', 'lost') })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const shared = new Shared()
        const process = new Process(shared)
        const waits: { readonly room: number; readonly at: DurablePositions; readonly told: () => unknown }[] = []
        const mail: BusMessage[] = []
        for (const { stream, room, fate } of steps) {
          const told = await process.wait(room + 1, [room])
          waits.push({ room, at: shared.positions, told })
          const message = shared.commit(stream, [room])
          if (fate === 'late') mail.push(message)
          if (fate === 'now') process.bus.publish(message)
        }
        for (const message of mail.toReversed()) process.bus.publish(message)
        // Whatever was lost is found with the next news of its stream; the store then tells of all others.
        for (const stream of ['events', 'receipts', 'accountData', 'sessions'] as const)
          process.bus.publish(shared.commit(stream, [99]))
        await process.settled()
        expect(process.streams.positions()).toMatchObject(readable(shared.positions))
        for (const [index, { told }] of waits.entries()) {
          if (steps[index]?.stream !== 'sessions') expect(told()).toBe(true)
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe('a token', () => {
  it('slightly ahead of the process is read from the store, and one ahead of the store is refused', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    const waiting = await process.wait(1, [10])
    shared.commit('events', [10])
    const ahead = { ...process.streams.positions(), events: 1 }
    expect(await process.streams.resume(ahead)).toMatchObject({ events: 1 })
    expect(process.streams.positions().events).toBe(1)
    // What the process knew before is outdated, and whoever waits has news.
    expect([process.missed, waiting()]).toEqual([1, true])
    expect(await process.streams.resume({ ...ahead, events: 2 })).toBeUndefined()
    expect(await process.streams.reach({ receipts: 1 })).toBe(false)
  })

  it('of a commit that came after the store was asked is not refused: it is asked again', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    shared.commit('events', [10])
    const before = shared.positions
    let answer: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    shared.read = async () => {
      await held
      return before
    }
    const first = process.streams.reach({ events: 1 })
    shared.read = async () => shared.positions
    shared.commit('events', [10])
    const second = process.streams.reach({ events: 2 })
    answer()
    expect(await Promise.all([first, second])).toEqual([true, true])
  })

  it('that is not ahead reads nothing', async () => {
    const shared = new Shared()
    const process = new Process(shared)
    process.bus.publish(shared.commit('events', [10]))
    expect(await process.streams.resume(process.streams.positions())).toEqual(process.streams.positions())
    expect(shared.reads).toBe(0)
  })

  it('of another process reads the streams in memory again from some seconds before', async () => {
    const shared = new Shared()
    const clock = new SteppedClock()
    const [one, other] = [new Process(shared, 1, clock), new Process(shared, 2, clock)]
    clock.advance(MINUTE)
    const seen = other.streams.announce('typing', { rooms: [1], users: [] })
    clock.advance(1_000)
    one.streams.announce('typing', { rooms: [1], users: [] })
    const resumed = await other.streams.resume({ ...other.streams.positions(), typing: one.streams.positions().typing })
    expect(resumed?.typing).toBeLessThan(seen)
    const own = other.streams.positions()
    expect((await other.streams.resume(own))?.typing).toBe(own.typing)
  })

  it('from a time to come, as after the clock was set back, is told everything that is in memory', async () => {
    const process = new Process(new Shared())
    const now = process.streams.positions()
    const resumed = await process.streams.resume({ ...now, presence: now.presence + PROCESSES * 1_000 })
    expect(resumed).toMatchObject({ typing: now.typing, presence: 0 })
  })
})

describe('a position of a stream in memory', () => {
  const NOW = 2_000_000_000_000 * PROCESSES
  const MARGIN = 5_000 * PROCESSES

  it.each([
    ['of this process is where it goes on', NOW - 5 * PROCESSES, 0, NOW - 5 * PROCESSES],
    ['of now as well', NOW, 0, NOW],
    ['of another process goes on five seconds before', NOW - 5 * PROCESSES + 1, 0, NOW - 5 * PROCESSES + 1 - MARGIN],
    ['of another process that is a little ahead too', NOW + 1, 0, NOW + 1 - MARGIN],
    ['from before there were process numbers tells everything', 1_795_845_585_397, 0, 1_795_845_585_397 - MARGIN],
    ['from the beginning of time goes on there', 1, 0, 0],
    ['from a time to come tells everything', NOW + PROCESSES, 0, 0],
    ['of another process from a time to come too', NOW + MARGIN + 1 + PROCESSES, 0, 0],
  ])('%s', (_, position, process, from) => {
    expect(resumedFrom(position, NOW, process)).toBe(Math.max(0, from))
  })
})

describe('streams in memory', () => {
  it('have positions that only grow, by the clock, and say which process gave them', () => {
    const clock = new SteppedClock()
    const { streams } = new Process(new Shared(), 7, clock)
    const given: number[] = [streams.positions().typing]
    for (const pauseMs of [0, 0, 5, 0, 1_000]) {
      clock.advance(pauseMs)
      given.push(streams.announce('typing', { rooms: [1], users: [] }))
    }
    expect(given).toEqual([...new Set(given)].sort((one, other) => one - other))
    expect(given.map((position) => position % PROCESSES)).toEqual(given.map(() => 7))
    // The clock stood still between the first three, and went on before the last.
    const times = given.map((position) => Math.floor(position / PROCESSES))
    expect((times.at(-1) ?? 0) - (times.at(-2) ?? 0)).toBeGreaterThanOrEqual(900)
    expect(times.at(-1)).toBeLessThanOrEqual(clock.nowMs())
  })

  it('take news of another process at a position of this one', () => {
    const { streams, bus, heard } = new Process(new Shared(), 1)
    const before = streams.positions().typing
    bus.publish({ kind: 'ephemeral', process: 2, news: { stream: 'typing', position: 3, rooms: [1], users: [] } })
    const { typing } = streams.positions()
    expect(typing).toBeGreaterThan(before)
    expect(heard).toEqual([{ stream: 'typing', position: typing, rooms: [1], users: [] }])
  })
})
