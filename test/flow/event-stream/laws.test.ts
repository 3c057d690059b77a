import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

/** One step of a conversation: somebody speaks, or one of the reader's streams reads on. */
type Step =
  | { readonly kind: 'send'; readonly room: number }
  | { readonly kind: 'topic'; readonly room: number }
  | { readonly kind: 'leave' | 'join'; readonly room: number }
  | { readonly kind: 'read'; readonly stream: number; readonly limit: number }
  | { readonly kind: 'restart' }

const room = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: room.map((n) => ({ kind: 'send', room: n }) as const) },
  { weight: 2, arbitrary: room.map((n) => ({ kind: 'topic', room: n }) as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'join' as const), room }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      stream: fc.nat(2),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' } as const) },
)

const idsOf = (events: Json[]): string[] => events.flatMap(({ event_id: id }) => id ?? [])

describe('many streams of one account', () => {
  let homeserver: TestHomeserver
  let count = 0
  beforeAll(async () => {
    homeserver = await startHomeserver()
  })
  afterAll(() => homeserver.stop())

  /** Begins where an initial sync ended, and reads as it likes. */
  class Stream {
    readonly seen: string[] = []
    readonly #reader: TestClient
    #from = ''

    constructor(reader: TestClient) {
      this.#reader = reader
    }

    async begin(): Promise<void> {
      const { end, rooms } = await this.#reader.get('/v3/initialSync', { limit: 100 })
      this.#from = end
      this.seen.push(...rooms.flatMap(({ messages }: Json) => idsOf(messages?.chunk ?? [])))
    }

    /** Answers how many events came. */
    async read(limit: number): Promise<number> {
      const answer = await this.#reader.get('/v3/events', { from: this.#from, limit, timeout: 0 })
      const ids = idsOf(answer.chunk)
      if (ids.length === 0 && answer.end === this.#from) return 0
      this.#from = answer.end
      this.seen.push(...ids)
      return answer.chunk.length
    }
  }

  it('lose no event and see none twice, from their initial sync on, whatever their limits and across restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        count += 1
        const alice = await homeserver.register(`alice${count}`)
        const bob = await homeserver.register(`bob${count}`)
        const rooms: string[] = []
        /** Every event that happened in a room while bob was in it, and his own comings and goings. */
        const happened = new Set<string>()
        const within = new Set<number>()
        for (let n = 0; n < 3; n++) {
          rooms.push(await alice.createRoom({ preset: 'public_chat' }))
          await bob.join(rooms[n] ?? '')
          within.add(n)
        }
        const streams = [new Stream(bob), new Stream(bob), new Stream(await bob.loginAgain())]
        for (const stream of streams) await stream.begin()
        const known = new Set(streams[0]?.seen)
        const ownMember = async (n: number): Promise<void> => {
          const state = await alice.get(`/v3/rooms/${encodeURIComponent(rooms[n] ?? '')}/state`)
          const own = state.find((e: Json) => e.type === 'm.room.member' && e.state_key === bob.userId)
          happened.add(own.event_id)
        }
        for (const one of steps) {
          if (one.kind === 'restart') {
            await homeserver.restart()
            continue
          }
          if (one.kind === 'read') {
            await streams[one.stream]?.read(one.limit)
            continue
          }
          const roomId = rooms[one.room] ?? ''
          if (one.kind === 'leave') {
            if (within.delete(one.room)) {
              await bob.leave(roomId)
              await ownMember(one.room)
            }
          } else if (one.kind === 'join') {
            if (!within.has(one.room)) {
              await bob.join(roomId)
              within.add(one.room)
              await ownMember(one.room)
            }
          } else {
            const eventId =
              one.kind === 'send'
                ? await alice.sendText(roomId, 'hello')
                : await alice.setState(roomId, 'm.room.topic', '', { topic: alice.nextTransaction() })
            if (within.has(one.room)) happened.add(eventId)
          }
        }
        for (const stream of streams) {
          for (let round = 0; round < 100 && (await stream.read(2)) > 0; round++);
          const sorted = (ids: Iterable<string>): string[] => [...ids].toSorted()
          expect(sorted(stream.seen)).toEqual(sorted([...known, ...happened]))
        }
      }),
      { numRuns: 12, endOnFailure: true },
    )
  }, 60_000)

  it('read pages forward and backward that hold each event exactly once while others write', async () => {
    const alice = await homeserver.register('writer')
    const roomIds = [await alice.createRoom({}), await alice.createRoom({})]
    const old = (query: object): Promise<Json> => alice.get('/_matrix/client/api/v1/events', { ...query })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 7 }), fc.array(fc.nat(1), { maxLength: 6 }), async (limit, writes) => {
        const before = idsOf((await old({ from: 'END', to: 'START', limit: 500 })).chunk)
        const pages: string[] = []
        let from = 'END'
        for (let round = 0; round < 200; round++) {
          const page = await old({ from, to: 'START', limit })
          pages.push(...idsOf(page.chunk))
          if (page.end === 'START' || page.chunk.length === 0) break
          from = page.end
          const room = writes[round]
          if (room !== undefined) await alice.sendText(roomIds[room] ?? '', 'meanwhile')
        }
        expect(pages).toEqual(before)
        const forward: string[] = []
        from = 'START'
        for (let round = 0; round < 200; round++) {
          const page = await old({ from, limit })
          forward.push(...idsOf(page.chunk))
          if (page.chunk.length === 0) break
          from = page.end
        }
        const after = idsOf((await old({ from: 'END', to: 'START', limit: 500 })).chunk)
        expect(forward).toEqual(after.toReversed())
      }),
      { numRuns: 8, endOnFailure: true },
    )
  }, 60_000)
})
