import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { leastCpuMs, repeatedly } from '../growth/grown.ts'

let homeserver: TestHomeserver
let alice: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
})
afterAll(() => homeserver.stop())

const topic = `about ${'long '.repeat(5_400)}`
const publish = async (count: number): Promise<void> => {
  for (let room = 0; room < count; room++) await alice.createRoom({ visibility: 'public', name: `Room ${room}`, topic })
}
const page = (): Promise<Json> => homeserver.client().get('/v3/publicRooms', { limit: 20 })

describe('/publicRooms, which needs no token', () => {
  it('costs what is on a page, however many rooms with topics of 27 KB there are, and cuts the topics', async () => {
    await publish(25)
    await page()
    const few = await leastCpuMs(repeatedly(5, page))
    await publish(300)
    const first = await page()
    const many = await leastCpuMs(repeatedly(5, page), few * 2.5)
    expect(many / few).toBeLessThan(2.5)
    expect(first.chunk).toHaveLength(20)
    for (const room of first.chunk) expect(room.topic.length).toBeLessThanOrEqual(1_000)
    expect(JSON.stringify(first).length).toBeLessThan(40_000)
    // The whole directory comes in pages of bounded size, each room once.
    const seen: string[] = []
    let next: string | undefined
    do {
      const answer: Json = await homeserver.client().get('/v3/publicRooms', { since: next })
      expect(answer.chunk.length).toBeLessThanOrEqual(200)
      seen.push(...answer.chunk.map((room: Json) => room.room_id))
      next = answer.next_batch
    } while (next !== undefined)
    expect(seen).toHaveLength(325)
    expect(new Set(seen).size).toBe(325)
  }, 60_000)

  it('a search finds what is shown, wildcards and signs that cannot be stored taken literally', async () => {
    const roomId = await alice.createRoom({ visibility: 'public', name: '100%_!\u0000 Ümlaut', topic: `${topic} end` })
    const find = async (term: string): Promise<string[]> => {
      const body = { filter: { generic_search_term: term } }
      return (await alice.post('/v3/publicRooms', body)).chunk.map((room: Json) => room.room_id)
    }
    for (const term of ['100%_!', '%_!', 'ÜMLAUT', '! ü']) expect(await find(term)).toEqual([roomId])
    expect(await find('1_0%')).toEqual([])
    expect(await find('long end')).toEqual([])
  })

  it('shows a room that was hidden and named anew meanwhile as it is, also after a restart', async () => {
    const roomId = await alice.createRoom({ visibility: 'public', name: 'before' })
    const path = `/v3/directory/list/room/${encodeURIComponent(roomId)}`
    const names = async (term: string): Promise<string[]> => {
      const answer = await alice.post('/v3/publicRooms', { filter: { generic_search_term: term } })
      return answer.chunk.map((room: Json) => room.name)
    }
    await alice.put(path, { visibility: 'private' })
    await alice.setState(roomId, 'm.room.name', '', { name: 'afterwards' })
    expect(await names('afterwards')).toEqual([])
    await alice.put(path, { visibility: 'public' })
    expect(await names('afterwards')).toEqual(['afterwards'])
    const later = await alice.createRoom({ name: 'published later', preset: 'public_chat' })
    await alice.put(`/v3/directory/list/room/${encodeURIComponent(later)}`, {})
    expect(await names('published later')).toEqual(['published later'])
    await homeserver.restart()
    expect(await names('afterwards')).toEqual(['afterwards'])
  })
})
