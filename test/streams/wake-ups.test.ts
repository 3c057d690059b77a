import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type DurablePositions,
  InProcessBus,
  listenerInRoom,
  type Positions,
  Streams,
  type Wait,
  type Waiter,
  type Waiting,
} from '#streams'
import { SteppedClock } from '../support/stepped-clock.ts'

const START = {
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
const never = new AbortController().signal

/** Streams over memberships that a test changes as a store would: the rooms first, then the news. */
class World {
  readonly clock = new SteppedClock()
  readonly bus = new InProcessBus()
  readonly streams = new Streams({
    clock: this.clock,
    bus: this.bus,
    durable: START,
    readDurable: async () => this.streams.positions() as unknown as DurablePositions,
    roomsAround: async ({ user }) => [...this.roomsOf(user)],
  })
  readonly rooms = new Map<number, Set<number>>()

  roomsOf(user: number): Set<number> {
    const rooms = this.rooms.get(user) ?? new Set()
    this.rooms.set(user, rooms)
    return rooms
  }

  event(room: number, users: readonly number[] = []): void {
    const events = this.streams.positions().events + 1
    const news = [{ stream: 'events' as const, position: events, rooms: [room], users }]
    this.bus.publish({ kind: 'committed', before: { events: events - 1 }, positions: { events }, news })
  }

  join(user: number, room: number): void {
    this.roomsOf(user).add(room)
    this.event(room, [user])
  }

  wait(listener: number, timeoutMs = MINUTE, signal = never, since = this.streams.snapshot()): Promise<boolean> {
    return this.listen({ listener, since, timeoutMs, rooms: async () => [...this.roomsOf(listener)] }, signal)
  }

  /** Whether it heard of news; also false for who went when the signal said so. */
  listen(wait: Wait, signal = never, concerns?: Waiter['concerns']): Promise<boolean> {
    return new Promise((notify, fail) => {
      const listening = (waiting: Waiting | undefined): void => {
        if (waiting === undefined) return
        const leave = (): void => {
          if (this.streams.leave(waiting)) notify(false)
        }
        if (signal.aborted) leave()
        else if (signal !== never) signal.addEventListener('abort', leave)
      }
      this.streams.listen({ notify, concerns }, wait).then(listening, fail)
    })
  }

  /** Once all that was asked has come to wait, or was answered. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.clock.soon(resolve))
  }
}

describe('waiting for news', () => {
  it('ends for all devices of a user, and for nobody else, and leaves nothing behind', async () => {
    const world = new World()
    world.join(1, 10)
    world.join(2, 20)
    const [one, other, stranger] = [world.wait(1), world.wait(1), world.wait(2)]
    await world.settled()
    expect(world.streams.waiting).toBe(3)
    world.event(10)
    expect(await Promise.all([one, other])).toEqual([true, true])
    expect(world.streams.waiting).toBe(1)
    world.clock.advance(MINUTE)
    expect(await stranger).toBe(false)
    expect(world.streams.waiting).toBe(0)
  })

  it('without time for it ends at once, and without news', async () => {
    const world = new World()
    world.join(1, 10)
    expect(await world.wait(1, 0)).toBe(false)
    expect(world.streams.waiting).toBe(0)
  })

  it('ends at once for news between the snapshot and the wait, also for a user not known yet', async () => {
    const world = new World()
    world.join(1, 10)
    const since = world.streams.snapshot()
    world.event(10)
    expect(await world.wait(1, MINUTE, never, since)).toBe(true)
    expect(await world.wait(1, MINUTE, never, since)).toBe(true)
    expect(world.streams.waiting).toBe(0)
  })

  it('does not remember rooms that were read before a join and given after it', async () => {
    const world = new World()
    let give = (_rooms: readonly number[]): void => {}
    const read = new Promise<readonly number[]>((resolve) => {
      give = resolve
    })
    const since = world.streams.snapshot()
    const first = world.listen({ listener: 1, since, timeoutMs: MINUTE, rooms: () => read })
    world.join(1, 10)
    give([])
    expect(await first).toBe(true)
    const second = world.wait(1)
    await world.settled()
    world.event(10)
    await world.settled()
    expect(world.streams.waiting).toBe(0)
    expect(await second).toBe(true)
  })

  it('hears of a room joined while waiting, and not of one that was left', async () => {
    const world = new World()
    const first = world.wait(1)
    await world.settled()
    world.join(1, 10)
    expect(await first).toBe(true)
    const second = world.wait(1)
    await world.settled()
    world.event(10)
    expect(await second).toBe(true)
    world.roomsOf(1).delete(10)
    world.event(10, [1])
    const third = world.wait(1, 1_000)
    await world.settled()
    world.event(10)
    await world.settled()
    expect(world.streams.waiting).toBe(1)
    world.clock.advance(1_000)
    expect(await third).toBe(false)
  })

  it('goes on for who says that the news does not concern them, and ends where their rooms change', async () => {
    const world = new World()
    world.join(1, 10)
    const only = (stream: string): Promise<boolean> => {
      const wait = { listener: 1, since: world.streams.snapshot(), timeoutMs: MINUTE, rooms: async () => [10] }
      return world.listen(wait, never, (news) => news.stream === stream)
    }
    const [choosy, other] = [only('toDevice'), world.wait(1)]
    await world.settled()
    world.event(10)
    expect(await other).toBe(true)
    expect(world.streams.waiting).toBe(1)
    expect(world.streams.reached).toBe(1)
    const news = [{ stream: 'toDevice' as const, position: 1, rooms: [], users: [1] }]
    world.bus.publish({ kind: 'committed', before: { toDevice: 0 }, positions: { toDevice: 1 }, news })
    expect(await choosy).toBe(true)
    const again = only('toDevice')
    await world.settled()
    world.event(10, [1])
    expect(await again).toBe(true)
    expect(world.streams.waiting).toBe(0)
  })

  it('ends with the request, before as while waiting', async () => {
    const world = new World()
    const request = new AbortController()
    const waits = world.wait(1, MINUTE, request.signal)
    await world.settled()
    request.abort()
    expect(await waits).toBe(false)
    expect(await world.wait(1, MINUTE, request.signal)).toBe(false)
    expect(world.streams.waiting).toBe(0)
  })

  it('fails with the read of the rooms, and goes on with the next', async () => {
    const world = new World()
    const failing = async (): Promise<never> => {
      throw new Error('the store is away')
    }
    const since = world.streams.snapshot()
    await expect(world.listen({ listener: 1, since, timeoutMs: MINUTE, rooms: failing })).rejects.toThrow('away')
    const next = world.wait(1)
    await world.settled()
    expect(world.streams.waiting).toBe(1)
    world.streams.announce('presence', { rooms: [], users: [1] })
    expect(await next).toBe(true)
  })

  it('wakes who listens at a room without being in it', async () => {
    const world = new World()
    const since = world.streams.snapshot()
    const rooms = async () => [7]
    const listening = world.listen({ listener: listenerInRoom(7), since, timeoutMs: MINUTE, rooms })
    await world.settled()
    world.event(7)
    expect(await listening).toBe(true)
  })

  it('wakes thousands in slices, each once, whatever comes meanwhile', async () => {
    const world = new World()
    for (let user = 1; user <= 2_000; user++) world.roomsOf(user).add(1)
    const waits = Array.from({ length: 2_000 }, (_, index) => world.wait(index + 1))
    await world.settled()
    expect(world.streams.waiting).toBe(2_000)
    for (let burst = 0; burst < 100; burst++) world.event(1)
    expect((await Promise.all(waits)).every(Boolean)).toBe(true)
    expect(world.streams.waiting).toBe(0)
  })

  it('takes memory for a bounded number of users who wait no more, and keeps those who do', async () => {
    const world = new World()
    world.roomsOf(1).add(1)
    const first = world.wait(1)
    await world.settled()
    for (let user = 2; user < 60_000; user++) await world.wait(user, 0)
    let asked = 0
    const again = async (): Promise<number[]> => {
      asked++
      return []
    }
    const since = world.streams.snapshot()
    await world.listen({ listener: 2, since, timeoutMs: 0, rooms: again })
    await world.listen({ listener: 59_999, since, timeoutMs: 0, rooms: again })
    expect(asked).toBe(1)
    world.event(1)
    expect(await first).toBe(true)
  })
})

type Step = { readonly do: 'wait' | 'join' | 'leave' | 'send' | 'pause'; readonly user: number; readonly room: number }

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('wait', 'join', 'leave', 'send', 'pause'),
  user: fc.integer({ min: 1, max: 3 }),
  room: fc.integer({ min: 1, max: 3 }),
})

describe('whatever happens in whatever order', () => {
  it('nobody who waits misses news that concerns them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = new World()
        const waiting: { user: number; ended: boolean; concerned: boolean }[] = []
        const concern = (room: number, named?: number): void => {
          for (const wait of waiting)
            if (wait.user === named || world.roomsOf(wait.user).has(room)) wait.concerned = true
        }
        for (const { do: what, user, room } of steps) {
          if (what === 'wait') {
            const wait = { user, ended: false, concerned: false }
            waiting.push(wait)
            void world.wait(user).then((news) => {
              wait.ended = news
            })
          } else if (what === 'join') {
            concern(room, user)
            world.join(user, room)
          } else if (what === 'leave') {
            concern(room, user)
            world.roomsOf(user).delete(room)
            world.event(room, [user])
          } else if (what === 'send') {
            concern(room)
            world.event(room)
          } else await world.settled()
        }
        await world.settled()
        await world.settled()
        expect(waiting.filter(({ ended, concerned }) => concerned && !ended)).toEqual([])
        world.clock.advance(MINUTE)
        await world.settled()
        expect(world.streams.waiting).toBe(0)
      }),
      { numRuns: 150 },
    )
  })

  it('positions never go back, and listeners hear of news when its position can be read', () => {
    const world = new World()
    const seen: Positions[] = []
    world.streams.onNews({
      news: (news) => {
        const positions: Readonly<Record<string, number>> = world.streams.positions()
        for (const { stream, position } of news) expect(positions[stream]).toBe(position)
        seen.push(world.streams.positions())
      },
      missed: () => {},
    })
    world.event(1)
    let put = 0
    const position = world.streams.announce('typing', { rooms: [1], users: [] }, (next) => {
      put = next
      expect(world.streams.positions().typing).toBeLessThan(next)
    })
    expect(put).toBe(position)
    expect(seen.map(({ events }) => events)).toEqual([1, 1])
    expect(seen[1]?.typing).toBe(position)
  })
})
