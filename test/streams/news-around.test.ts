import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DurablePositions, InProcessBus, type Snapshot, Streams } from '#streams'
import { RecentChanges } from '#views'
import { SteppedClock } from '../support/stepped-clock.ts'

const START: DurablePositions = {
  ...{ events: 0, receipts: 0, accountData: 0, toDevice: 0, deviceLists: 0 },
  ...{ threadSubscriptions: 0, stickyEvents: 0, profiles: 0, sessions: 0, federationEdus: 0 },
}
const MINUTE = 60_000
const USERS = [1, 2]
const ROOMS = [1, 2]

interface Move {
  readonly user: number
  readonly room: number
  readonly joined: boolean
}

/** What is committed; readers see it at once, and the news of it when a test delivers it. */
class Database {
  /** The one at the index is at the position after it. */
  readonly moves: Move[] = []
  readonly changes: number[] = []
  readonly #mail: Parameters<InProcessBus['publish']>[0][] = []

  move(user: number, room: number, joined: boolean): void {
    if (this.isIn(user, room) === joined) return
    const before = this.moves.length
    this.moves.push({ user, room, joined })
    const news = [{ stream: 'events' as const, position: before + 1, rooms: [room], users: [user] }]
    this.#mail.push({ kind: 'committed', before: { events: before }, positions: { events: before + 1 }, news })
  }

  change(user: number): void {
    const before = this.changes.length
    this.changes.push(user)
    const news = [{ stream: 'profiles' as const, position: before + 1, rooms: [], users: [user], around: user }]
    this.#mail.push({ kind: 'committed', before: { profiles: before }, positions: { profiles: before + 1 }, news })
  }

  deliver(bus: InProcessBus): boolean {
    const message = this.#mail.shift()
    if (message !== undefined) bus.publish(message)
    return message !== undefined
  }

  isIn(user: number, room: number, at = this.moves.length): boolean {
    return this.#last(user, room, at)?.joined ?? false
  }

  joined(user: number): number[] {
    return ROOMS.filter((room) => this.isIn(user, room))
  }

  roomsAround(user: number, after: number): number[] {
    return ROOMS.filter((room) => {
      const last = this.#last(user, room, this.moves.length)
      return last !== undefined && (last.joined || this.moves.indexOf(last) + 1 > after)
    })
  }

  share(one: number, other: number, at = this.moves.length): boolean {
    return ROOMS.some((room) => this.isIn(one, room, at) && this.isIn(other, room, at))
  }

  /** The number of changes, as a profile's version. */
  version(user: number, at = this.changes.length): number {
    return this.changes.slice(0, at).filter((changed) => changed === user).length
  }

  #last(user: number, room: number, at: number): Move | undefined {
    return this.moves.slice(0, at).findLast((move) => move.user === user && move.room === room)
  }
}

interface Read {
  readonly user: number
  readonly after: number
  seen: number[] | undefined
  readonly answer: (rooms: number[]) => void
  readonly fail: (error: Error) => void
}

class World {
  readonly clock = new SteppedClock()
  readonly bus = new InProcessBus()
  readonly database = new Database()
  readonly reads: Read[] = []
  readonly recent = new RecentChanges({ name: 'recent', stream: 'profiles', position: 0 })
  readonly streams = new Streams({
    ...{ clock: this.clock, bus: this.bus, durable: START },
    readDurable: async () => ({
      ...START,
      events: this.database.moves.length,
      profiles: this.database.changes.length,
    }),
    roomsAround: ({ user, after }) =>
      new Promise((answer, fail) => this.reads.push({ user, after, seen: undefined, answer, fail })),
  })
  readonly clients = USERS.map((user) => new Client(this, user))

  constructor() {
    this.streams.onNews(this.recent)
  }

  /** The first read that has not seen the database yet sees it now. */
  look(): void {
    const read = this.reads.find(({ seen }) => seen === undefined)
    if (read !== undefined) read.seen = this.database.roomsAround(read.user, read.after)
  }

  answer(): boolean {
    const read = this.reads.shift()
    read?.answer(read.seen ?? this.database.roomsAround(read.user, read.after))
    return read !== undefined
  }

  turn(): Promise<void> {
    return new Promise((resolve) => this.clock.soon(resolve))
  }

  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      await this.turn()
      const delivered = this.database.deliver(this.bus)
      const answered = this.answer()
      const went = await Promise.all(this.clients.map((client) => client.step(false)))
      if (delivered || answered || went.some(Boolean)) quiet = 0
    }
  }
}

/** A client that is told of profiles, as a sync tells it: what it asks, how it waits, and what it knows. */
class Client {
  readonly #world: World
  readonly user: number
  readonly known = new Map<number, number>()
  state: 'idle' | 'polled' | 'waiting' = 'idle'
  #since: Snapshot
  #nothingBy: Snapshot

  constructor(world: World, user: number) {
    this.#world = world
    this.user = user
    this.#since = world.streams.snapshot()
    this.#nothingBy = this.#since
  }

  /** Goes on by one step. `endsEarly`: where there is nothing to tell the answer goes out nevertheless, as if the time were over. */
  async step(endsEarly: boolean): Promise<boolean> {
    if (this.state === 'waiting') return false
    if (this.state === 'idle') this.#poll(endsEarly)
    else await this.#listen()
    return true
  }

  #poll(endsEarly: boolean): void {
    const now = this.#world.streams.snapshot()
    const isNews = this.#mayHaveNews(now) && this.#tell(now)
    if (isNews || endsEarly) this.#since = now
    else {
      this.#nothingBy = now
      this.state = 'polled'
    }
  }

  async #listen(): Promise<void> {
    const { streams, database } = this.#world
    this.state = 'waiting'
    const notify = (isNews: boolean): void => {
      if (isNews) this.state = 'idle'
    }
    const rooms = async () => database.joined(this.user)
    await streams.listen({ notify }, { listener: this.user, since: this.#nothingBy, timeoutMs: MINUTE, rooms })
  }

  /** As `ProfileChanges.mayHaveNews`. */
  #mayHaveNews({ positions }: Snapshot): boolean {
    const { database, recent } = this.#world
    const since = this.#since.positions
    // The rooms that the user is in or was in.
    const rooms = new Set(database.moves.flatMap(({ user, room }) => (user === this.user ? [room] : [])))
    if (since.profiles < positions.profiles && recent.mayConcern(this.user, rooms, since.profiles)) return true
    return database.moves.slice(since.events, positions.events).some(({ room }) => rooms.has(room))
  }

  /** As `ProfileChanges.later`. */
  #tell({ positions }: Snapshot): boolean {
    const { database } = this.#world
    const since = this.#since.positions
    let isNews = false
    for (const other of USERS.filter((user) => user !== this.user)) {
      const [shared, shares] = [since, positions].map(({ events }) => database.share(this.user, other, events))
      const hasChange = database.changes.slice(since.profiles, positions.profiles).includes(other)
      if (shares && (!shared || hasChange)) this.known.set(other, database.version(other, positions.profiles))
      else if (shared && !shares) this.known.delete(other)
      else continue
      isNews = true
    }
    return isNews
  }
}

type Step = { readonly do: (typeof ACTIONS)[number] | 'client' | 'end'; readonly user: number; readonly room: number }

const ACTIONS = ['join', 'join', 'leave', 'change', 'deliver', 'deliver', 'look', 'answer', 'fail', 'turn'] as const
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(...ACTIONS, 'client', 'client', 'client', 'end'),
  user: fc.constantFrom(...USERS),
  room: fc.constantFrom(1, 1, 1, 2),
})

const take = async (world: World, { do: what, user, room }: Step): Promise<void> => {
  const { database } = world
  if (what === 'join' || what === 'leave') database.move(user, room, what === 'join')
  else if (what === 'change') database.change(user)
  else if (what === 'deliver') database.deliver(world.bus)
  else if (what === 'look') world.look()
  else if (what === 'answer') world.answer()
  else if (what === 'fail') world.reads.shift()?.fail(new Error('the store is away'))
  else if (what === 'turn') await world.turn()
  else await world.clients[user - 1]?.step(what === 'end')
}

/** Steps in room 1, as words: what, and of whom. */
const play = async (world: World, text: string): Promise<void> => {
  for (const words of text.split(', ')) {
    const [what, user] = words.split(' ')
    await take(world, { do: what as Step['do'], user: Number(user ?? 1), room: 1 })
  }
}

const expectAllTold = async (world: World): Promise<void> => {
  await world.settle()
  const { database } = world
  for (const { user, known } of world.clients) {
    const others = USERS.filter((other) => other !== user && database.share(user, other))
    expect(known).toEqual(new Map(others.map((other) => [other, database.version(other)])))
  }
  expect(world.clients.map(({ state }) => state)).toEqual(['waiting', 'waiting'])
}

const TOGETHER = 'join 1, join 2, deliver, deliver, end 1, turn'

describe('news around a user', () => {
  it('reaches everybody who shares a room, in whatever order changes, news, reads and requests come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const world = new World()
        for (const one of steps) await take(world, one)
        await expectAllTold(world)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['that was waiting', 'client 1, client 1, change 2, deliver, turn, answer, turn'],
    [
      'that asked before and waits when its rooms are found',
      'client 1, change 2, deliver, client 1, turn, answer, turn',
    ],
    [
      'that asked before and waits later',
      'client 1, client 1, client 1, change 2, deliver, turn, answer, turn, client 1',
    ],
    ['that asks before its rooms are found, and goes on from there', 'change 2, deliver, end 1, turn, answer, turn'],
    [
      'that waits since the first of two changes',
      'change 2, deliver, end 1, client 1, client 1, change 2, deliver, turn, answer',
    ],
    [
      'that waits since a change whose rooms are read',
      'change 2, deliver, turn, end 1, client 1, client 1, change 2, deliver, answer',
    ],
    [
      'in a room that the user left, and came back to, while it was read',
      'change 2, deliver, turn, leave 2, look, answer, turn, end 1, join 2, deliver, deliver',
    ],
    [
      'in a room that was joined after it was read for the change before',
      'leave 2, deliver, end 1, turn, change 2, deliver, turn, look, join 2, deliver, end 1, client 1, client 1, change 2, deliver, answer',
    ],
    [
      'that asked before other news, which came while the rooms were read',
      'client 1, client 1, change 1, deliver, turn, answer, turn, change 2, deliver, turn, end 1, client 1, leave 2, deliver, answer, turn, client 1',
    ],
    ['where the rooms cannot be read', 'client 1, client 1, change 2, deliver, turn, fail, turn'],
  ])('reaches a request %s', async (_, steps) => {
    const world = new World()
    await play(world, TOGETHER)
    await play(world, steps)
    await expectAllTold(world)
  })

  it("is held for anybody's until its rooms are found, and concerns only people there from then on", async () => {
    const world = new World()
    const inRoom = (room: number) => world.recent.mayConcern(7, new Set([room]), 0)
    await play(world, 'join 2, deliver, turn, change 2, deliver')
    expect([inRoom(1), inRoom(2)]).toEqual([true, true])
    await play(world, 'change 2, deliver, turn, answer, turn')
    expect([inRoom(1), inRoom(2)]).toEqual([true, false])
    expect(world.reads).toEqual([])
  })

  it('is not read for a user whose rooms are read already, before that read has ended', async () => {
    const world = new World()
    await play(world, 'join 2, deliver, change 2, deliver, turn, change 2, deliver, turn')
    expect(world.reads).toHaveLength(1)
    await play(world, 'answer, turn')
    expect(world.reads).toHaveLength(1)
  })

  it('is read once for all changes of a user before it, and for few users at a time', async () => {
    const world = new World()
    for (let change = 0; change < 10; change++) for (let user = 1; user <= 10; user++) world.database.change(user)
    while (world.database.deliver(world.bus)) {}
    await world.turn()
    const asked = new Set<number>()
    for (let answered = 0; answered < 10; answered++) {
      expect(world.reads.length).toBeLessThanOrEqual(4)
      asked.add(world.reads[0]?.user ?? 0)
      world.answer()
      await world.turn()
    }
    expect([asked.size, world.reads.length]).toEqual([10, 0])
  })

  it('wakes everybody where the rooms of too many users wait to be read', async () => {
    const world = new World()
    await play(world, TOGETHER)
    await play(world, 'client 1, client 1')
    expect(world.streams.waiting).toBe(1)
    for (let user = 100; user < 10_200; user++) world.database.change(user)
    while (world.database.deliver(world.bus)) {}
    await world.turn()
    expect(world.streams.waiting).toBe(0)
  })

  it('wakes people in thousands of rooms in slices, each once', async () => {
    const database = Array.from({ length: 10_000 }, (_, room) => room + 1)
    const [clock, bus] = [new SteppedClock(), new InProcessBus()]
    const streams = new Streams({
      ...{ clock, bus, durable: START },
      readDurable: async () => START,
      roomsAround: async ({ beyond, limit }) => database.slice(beyond, beyond + limit),
    })
    const told: number[] = []
    for (let user = 1; user <= 3; user++) {
      const since = streams.snapshot()
      const rooms = async () => (user === 3 ? database : [database[user * 4_999] ?? 0])
      await streams.listen({ notify: () => told.push(user) }, { listener: user, since, timeoutMs: MINUTE, rooms })
    }
    const again = () =>
      streams.listen(
        { notify: () => told.push(4) },
        { listener: 3, since: streams.snapshot(), timeoutMs: MINUTE, rooms: async () => database },
      )
    const news = [{ stream: 'profiles' as const, position: 1, rooms: [], users: [9], around: 9 }]
    bus.publish({ kind: 'committed', before: { profiles: 0 }, positions: { profiles: 1 }, news })
    const turn = () => new Promise<void>((resolve) => clock.soon(resolve))
    while (told.length === 0) await turn()
    // Who asks again while others are woken knows of the news.
    expect(told).toEqual([3])
    await again()
    for (let turns = 0; turns < 10; turns++) await turn()
    expect([told.toSorted((one, other) => one - other), streams.waiting]).toEqual([[1, 2, 3], 1])
  })
})
