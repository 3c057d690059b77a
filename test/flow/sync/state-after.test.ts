import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const SECTION = 'state_after'
const lazy = JSON.stringify({ room: { timeline: { limit: 3 }, state: { lazy_load_members: true } } })
const eager = JSON.stringify({ room: { timeline: { limit: 3 } } })

/** A client that takes a room's state from `state_after` alone. */
class Follower {
  readonly #client: TestClient
  readonly #filter: string
  readonly #entries = new Map<string, Json>()
  readonly #senders = new Set<string>()
  #since: string | undefined

  constructor(client: TestClient, filter: string) {
    this.#client = client
    this.#filter = filter
  }

  get senders(): ReadonlySet<string> {
    return this.#senders
  }

  async follow(roomId: string): Promise<void> {
    const since = this.#since === undefined ? {} : { since: this.#since }
    const answer = await this.#client.sync({ ...since, filter: this.#filter, use_state_after: true })
    this.#since = answer.next_batch
    const room = answer.rooms.join[roomId] ?? answer.rooms.leave[roomId]
    if (room === undefined) return
    expect(room).not.toHaveProperty('state')
    for (const event of room[SECTION].events) this.#entries.set(`${event.type} ${event.state_key}`, event.event_id)
    for (const { sender } of room.timeline.events) this.#senders.add(sender)
  }

  entry(type: string, stateKey: string): Json {
    return this.#entries.get(`${type} ${stateKey}`)
  }

  get size(): number {
    return this.#entries.size
  }
}

type Step = 'message' | 'topic' | 'own entry' | 'name of bob' | 'carol in or out' | 'many' | 'sync' | 'reader in or out'
const steps = fc.array(
  fc.constantFrom<Step>(
    ...([
      'message',
      'topic',
      'own entry',
      'name of bob',
      'carol in or out',
      'many',
      'sync',
      'reader in or out',
    ] as const),
  ),
  { minLength: 3, maxLength: 14 },
)

describe('state_after', () => {
  let homeserver: TestHomeserver
  let [alice, bob, carol, reader]: TestClient[] = []
  beforeAll(async () => {
    homeserver = await startHomeserver()
    ;[alice, bob, carol, reader] = await Promise.all(
      ['alice', 'bob', 'carol', 'reader'].map((name) => homeserver.register(name)),
    )
  })
  afterAll(() => homeserver.stop())

  it('is all the state that a client needs: it equals the room’s state whenever the client has caught up', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const [a, b, c, r] = [alice, bob, carol, reader] as [TestClient, TestClient, TestClient, TestClient]
        const roomId = await a.createRoom({ preset: 'public_chat', power_level_content_override: { state_default: 0 } })
        await b.join(roomId)
        await r.join(roomId)
        const followers = [new Follower(r, eager), new Follower(r, lazy)]
        let [count, carolIn, readerIn] = [0, false, true]
        const catchUp = async (): Promise<void> => {
          for (const follower of followers) await follower.follow(roomId)
          if (!readerIn) return
          const state: Json[] = await r.get(`/v3/rooms/${roomId}/state`)
          const [all, some] = followers as [Follower, Follower]
          for (const { type, state_key: key, event_id: id } of state) {
            expect(all.entry(type, key), `${type} ${key}`).toBe(id)
            if (type !== 'm.room.member' || some.senders.has(key))
              expect(some.entry(type, key), `${type} ${key}`).toBe(id)
          }
          expect(all.size).toBe(state.length)
        }
        const doing: Record<Step, () => Promise<unknown>> = {
          message: () => b.sendText(roomId, `${++count}`),
          topic: () => a.put(`/v3/rooms/${roomId}/state/m.room.topic`, { topic: `${++count}` }),
          'own entry': () => b.put(`/v3/rooms/${roomId}/state/own/${count % 3}`, { count: ++count }),
          'name of bob': () =>
            b.put(`/v3/rooms/${roomId}/state/m.room.member/${b.userId}`, {
              membership: 'join',
              displayname: `${++count}`,
            }),
          'carol in or out': async () => {
            await (carolIn ? a.post(`/v3/rooms/${roomId}/kick`, { user_id: c.userId }) : c.join(roomId))
            carolIn = !carolIn
          },
          many: async () => {
            for (let sent = 0; sent < 4; sent++) await b.sendText(roomId, `${++count}`)
          },
          sync: catchUp,
          'reader in or out': async () => {
            await (readerIn ? r.post(`/v3/rooms/${roomId}/leave`) : r.join(roomId))
            readerIn = !readerIn
          },
        }
        await catchUp()
        for (const step of script) await doing[step]()
        await catchUp()
        if (readerIn) await r.post(`/v3/rooms/${roomId}/leave`)
        readerIn = false
        await catchUp()
        for (const follower of followers) expect(follower.entry('m.room.member', r.userId)).toBeDefined()
      }),
      { numRuns: 25 },
    )
  }, 120_000)

  it('has the name that matrix-js-sdk asks for where that is asked for', async () => {
    const [a] = [alice] as [TestClient]
    const roomId = await a.createRoom({})
    const { rooms } = await a.sync({ 'org.matrix.msc4222.use_state_after': true })
    expect(rooms.join[roomId]).toHaveProperty(['org.matrix.msc4222.state_after', 'events'])
    expect(rooms.join[roomId]).not.toHaveProperty('state')
    expect((await a.sync()).rooms.join[roomId]).not.toHaveProperty(['state_after'])
  })

  it('is empty, and not the whole state, where a lazily loading client hears of messages alone', async () => {
    const [a, , , r] = [alice, bob, carol, reader] as [TestClient, TestClient, TestClient, TestClient]
    const roomId = await a.createRoom({ preset: 'public_chat' })
    await r.join(roomId)
    const { next_batch: since } = await r.sync({ filter: lazy, use_state_after: true })
    await a.put(`/v3/rooms/${roomId}/typing/${a.userId}`, { typing: true, timeout: 20_000 })
    await a.post(`/v3/rooms/${roomId}/receipt/m.read/${await a.sendText(roomId, 'one')}`)
    const { rooms } = await r.sync({ since, filter: lazy, use_state_after: true })
    expect(rooms.join[roomId][SECTION].events).toEqual([])
  })

  it('tells of the end of an invite', async () => {
    const [a, , , r] = [alice, bob, carol, reader] as [TestClient, TestClient, TestClient, TestClient]
    const roomId = await a.createRoom({ invite: [r.userId] })
    const { next_batch: since } = await r.sync()
    await r.post(`/v3/rooms/${roomId}/leave`)
    const { rooms } = await r.sync({ since, use_state_after: true })
    expect(rooms.leave[roomId][SECTION].events.map(({ content }: Json) => content.membership)).toEqual(['leave'])
  })
})
