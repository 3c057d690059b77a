import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { bundleOf, idsOf, ignore, relationsOf, threadsOf } from './fixture.ts'
import { type ModelBundle, type ModelEvent, ModelRoom } from './model.ts'

/** More of them than each run of all tests takes: `HOMEROOM_TEST_HISTORIES=500`. */
const HISTORIES = Number(process.env.HOMEROOM_TEST_HISTORIES ?? 12)

const KINDS = ['say', 'relate', 'relate', 'relate', 'redact', 'ignore', 'comeOrGo', 'visibility'] as const
const RELATIONS = ['m.thread', 'm.replace', 'm.reference', 'm.thread', 'm.annotation', 'm.replace'] as const
const VISIBILITIES = ['shared', 'joined', 'world_readable', 'joined'] as const

interface Step {
  readonly kind: (typeof KINDS)[number]
  readonly who: number
  readonly pick: number
  readonly how: number
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  who: fc.nat(2),
  pick: fc.nat(30),
  how: fc.nat(60),
})

/** The bundle of an event as the model tells it. */
const told = (event: Json): ModelBundle => {
  const { 'm.replace': replace, 'm.thread': thread, 'm.reference': reference } = bundleOf(event) ?? {}
  const latestEdit = thread && bundleOf(thread.latest_event)?.['m.replace'].event_id
  return {
    ...(replace === undefined ? {} : { replace: replace.event_id }),
    ...(thread === undefined
      ? {}
      : {
          thread: {
            latest: thread.latest_event.event_id,
            count: thread.count,
            participated: thread.current_user_participated,
            ...(latestEdit === undefined ? {} : { latestEdit }),
          },
        }),
    ...(reference === undefined ? {} : { references: idsOf(reference.chunk) }),
  }
}

class World {
  readonly #room = new ModelRoom()
  readonly #roomId: string
  readonly #people: readonly TestClient[]

  private constructor(roomId: string, people: readonly TestClient[]) {
    this.#roomId = roomId
    this.#people = people
  }

  static async make(people: readonly TestClient[]): Promise<World> {
    const [alice] = people as [TestClient]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const world = new World(roomId, people)
    for (const person of people) {
      if (person !== alice) await person.join(roomId)
      await ignore(person)
      world.#room.join(person.userId)
    }
    return world
  }

  async take({ kind, who, pick, how }: Step): Promise<void> {
    const room = this.#room
    const person = this.#people[who] as TestClient
    const event = room.events[pick % Math.max(1, room.events.length)]
    const isThere = room.members.has(person.userId)
    switch (kind) {
      case 'say':
        return isThere ? this.#send(person, how) : undefined
      case 'relate':
        return isThere && event !== undefined ? this.#relate(person, event, how) : undefined
      case 'redact': {
        const mayRedact = isThere && (who === 0 || event?.sender === person.userId)
        if (event === undefined || event.redacted || !mayRedact) return
        await person.redact(this.#roomId, event.id)
        event.redacted = true
        return
      }
      case 'ignore': {
        const users = this.#people.filter((other, index) => other !== person && (how >> index) % 2 === 1)
        await ignore(person, ...users.map(({ userId }) => userId))
        room.ignored.set(person.userId, new Set(users.map(({ userId }) => userId)))
        return
      }
      case 'comeOrGo':
        if (who === 0) return
        if (room.members.delete(person.userId)) await person.leave(this.#roomId)
        else {
          await person.join(this.#roomId)
          room.join(person.userId)
        }
        return
      case 'visibility': {
        const visibility = VISIBILITIES[how % VISIBILITIES.length] as string
        const content = { history_visibility: visibility }
        await this.#people[0]?.setState(this.#roomId, 'm.room.history_visibility', '', content)
        room.visibility = visibility
        return
      }
    }
  }

  async #relate(person: TestClient, target: ModelEvent, how: number): Promise<void> {
    const type = RELATIONS[how % RELATIONS.length] as string
    const isRefused = type === 'm.thread' && this.#room.relationOf(target) !== undefined
    const sending = this.#send(person, how, { type, target: target.id })
    if (isRefused) await expect(sending).rejects.toMatchObject({ errcode: 'M_UNKNOWN' })
    else await sending
  }

  async #send(person: TestClient, how: number, relation?: ModelEvent['relation']): Promise<void> {
    const type = how % 7 === 6 ? 'org.example.other' : 'm.room.message'
    const replaces = relation?.type === 'm.replace' && how % 5 !== 4
    const key = relation?.type === 'm.annotation' ? { key: `${this.#room.events.length}` } : {}
    const relates =
      relation === undefined ? {} : { 'm.relates_to': { rel_type: relation.type, event_id: relation.target, ...key } }
    const edit = replaces ? { 'm.new_content': { msgtype: 'm.text', body: 'new' } } : {}
    const id = await person.send(this.#roomId, type, { msgtype: 'm.text', body: 'text', ...edit, ...relates })
    const { origin_server_ts: ts } = await person.getEvent(this.#roomId, id)
    this.#room.add({ id, sender: person.userId, type, ts, relation, replaces })
  }

  /** Everything that each person is told, against the model. */
  async check(limit: number): Promise<void> {
    for (const person of this.#people) await this.#checkFor(person, limit)
  }

  async #checkFor(person: TestClient, limit: number): Promise<void> {
    const { userId } = person
    const room = this.#room
    const isMember = room.members.has(userId)
    if (!isMember && room.visibility === 'world_readable') return
    const shown = room.events.filter((event) => room.isShown(event, userId))
    const expected = shown.map((event) => [event.id, room.bundleOf(event, userId)])
    const pages: Json[] = []
    let from: string | undefined
    do {
      const page = await person.messages(this.#roomId, { dir: 'f', limit, from })
      pages.push(...page.chunk)
      from = page.end
    } while (from !== undefined)
    const known = new Set(room.events.map(({ id }) => id))
    const got = pages.filter(({ event_id: id }) => known.has(id)).map((event) => [event.event_id, told(event)])
    const isCut = !isMember
    if (isCut) expect(expected).toEqual(expect.arrayContaining(got))
    else expect(got).toEqual(expected)
    for (const [id] of got) await this.#checkRelations(person, id as string, limit)
    if (isMember) await this.#checkThreads(person, limit)
    if (isMember) await this.#checkSync(person)
  }

  async #checkRelations(person: TestClient, id: string, limit: number): Promise<void> {
    if (!this.#room.members.has(person.userId)) return
    for (const recurse of [false, true]) {
      const ids: string[] = []
      let from: string | undefined
      do {
        const page = await relationsOf(person, this.#roomId, id, { dir: 'f', limit, from, recurse })
        ids.push(...idsOf(page.chunk))
        from = page.next_batch
      } while (from !== undefined)
      const direct = this.#room.relating(id, person.userId).map((event) => event.id)
      expect(ids).toEqual(recurse ? this.#room.relatingDeep(id, person.userId) : direct)
    }
  }

  async #checkThreads(person: TestClient, limit: number): Promise<void> {
    const roots: Json[] = []
    let from: string | undefined
    do {
      const page = await threadsOf(person, this.#roomId, { limit, from })
      roots.push(...page.chunk)
      from = page.next_batch
    } while (from !== undefined)
    expect(idsOf(roots)).toEqual(this.#room.threadsOf(person.userId))
  }

  /** A sync says of the newest events what everything else says. */
  async #checkSync(person: TestClient): Promise<void> {
    const filter = JSON.stringify({ room: { rooms: [this.#roomId], timeline: { limit: 15 } } })
    const { rooms } = await person.sync({ filter })
    for (const event of rooms.join[this.#roomId].timeline.events) {
      const known = this.#room.event(event.event_id)
      if (known !== undefined) expect(told(event)).toEqual(this.#room.bundleOf(known, person.userId))
    }
  }
}

onEveryHomeserver('what is told of relations', (start) => {
  let homeserver: TestHomeserver
  let people: readonly TestClient[]
  beforeAll(async () => {
    homeserver = await start()
    people = [await homeserver.register('alice'), await homeserver.register('bob'), await homeserver.register('carol')]
  })
  afterAll(() => homeserver.stop())

  it(
    'equals the plain model for each reader: edits, threads, references, redactions, ignoring, leaving, history visibility',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 10, maxLength: 40 }),
          fc.integer({ min: 1, max: 9 }),
          async (steps, limit) => {
            const world = await World.make(people)
            for (const one of steps) await world.take(one)
            await world.check(limit)
          },
        ),
        { numRuns: HISTORIES, endOnFailure: true },
      )
    },
    120_000 + HISTORIES * 5_000,
  )
})
