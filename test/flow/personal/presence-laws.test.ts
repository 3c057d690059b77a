import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const V1 = '/_matrix/client/api/v1'

/** Somebody changes their presence, or one of the readers reads on. */
type Step =
  | { readonly kind: 'set'; readonly who: number; readonly presence: 'online' | 'unavailable' | 'free_for_chat' }
  | { readonly kind: 'read'; readonly reader: number; readonly timeout: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    who: fc.nat(2),
    presence: fc.constantFrom('online' as const, 'unavailable' as const, 'free_for_chat' as const),
  }),
  fc.record({ kind: fc.constant('read' as const), reader: fc.nat(2), timeout: fc.constantFrom(0, 0, 60) }),
)

/** One request: what came, and the token to go on from. */
type Next = (token: string, timeout: number) => Promise<{ token: string; events: Json[] }>

/** What one stream was told of others, in order: user and status message. */
class Reader {
  readonly heard: [string, string][] = []
  readonly #next: Next
  #token: string

  constructor(token: string, next: Next) {
    this.#token = token
    this.#next = next
  }

  async read(timeout: number): Promise<void> {
    const { token, events } = await this.#next(this.#token, timeout)
    this.#token = token
    for (const { type, sender, content } of events) {
      if (type === 'm.presence' && content.status_msg !== undefined) this.heard.push([sender, content.status_msg])
    }
  }

  last(userId: string): string | undefined {
    return this.heard.findLast(([sender]) => sender === userId)?.[1]
  }
}

const inSync = async (client: TestClient): Promise<Reader> =>
  new Reader((await client.sync()).next_batch, async (since, timeout) => {
    const { next_batch: token, presence } = await client.sync({ since, timeout })
    return { token, events: presence?.events ?? [] }
  })

const inEvents = async (client: TestClient): Promise<Reader> =>
  new Reader((await client.get(`${V1}/initialSync`, { limit: 0 })).end, async (from, timeout) => {
    const { end: token, chunk: events } = await client.get(`${V1}/events`, { from, timeout })
    return { token, events }
  })

describe('changes of presence', () => {
  let homeserver: TestHomeserver
  let count = 0
  beforeAll(async () => {
    homeserver = await startHomeserver()
  })
  afterAll(() => homeserver.stop())

  it('reach every stream of who sees them: the last one always, in order, and none twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
        count += 1
        const people: TestClient[] = []
        for (const name of ['one', 'two', 'three', 'reader', 'other'])
          people.push(await homeserver.register(`${name}-${count}`))
        const [one, two, three, reader, other] = people as [TestClient, TestClient, TestClient, TestClient, TestClient]
        // One is met in a room, two in two rooms, three by a presence list alone.
        for (const members of [
          [one, two],
          [two, other],
        ]) {
          const roomId = await reader.createRoom({ preset: 'public_chat' })
          for (const member of members) await member.join(roomId)
        }
        await reader.post(`${V1}/presence/list/${enc(reader.userId)}`, { invite: [three.userId] })
        await three.post(`${V1}/presence/list/${enc(three.userId)}`, { invite: [reader.userId] })
        const readers = [await inSync(reader), await inEvents(reader), await inSync(await reader.loginAgain())]
        const last = new Map<string, string>()
        let message = 0
        for (const now of steps) {
          if (now.kind === 'read') {
            await readers[now.reader]?.read(now.timeout)
            continue
          }
          const who = [one, two, three][now.who] as TestClient
          message += 1
          const body = { presence: now.presence, status_msg: String(message) }
          await who.put(`${V1}/presence/${enc(who.userId)}/status`, body)
          last.set(who.userId, String(message))
        }
        for (const stream of readers) {
          const isTold = () => [...last].every(([userId, status]) => stream.last(userId) === status)
          for (let round = 0; round < 20 && !isTold(); round++) await stream.read(1_000)
          expect([...last].map(([userId]) => [userId, stream.last(userId)])).toEqual([...last])
          for (const userId of last.keys()) {
            const heard = stream.heard.filter(([sender]) => sender === userId).map(([, status]) => Number(status))
            expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b))
          }
        }
      }),
      { numRuns: 12 },
    )
  })
})
