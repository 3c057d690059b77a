import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let roomId: string

const EVENTS = 400

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  roomId = await alice.createRoom()
  await alice.send(roomId, 'a.needle', { url: 'mxc://localhost/needle' })
  const body = 'x'.repeat(60_000)
  for (let event = 0; event < EVENTS; event++) await alice.send(roomId, 'a.straw', { body })
}, 60_000)
afterAll(() => homeserver.stop())

describe('/messages with a filter that matches nothing over 60 KB events', () => {
  it.each([
    ['by type', { types: ['a.needle'] }],
    ['by what only the content tells', { contains_url: true, not_types: ['m.room.*'] }],
  ])('answers early with a token, and goes on from there to what matches: %s', async (_, filter) => {
    const found: Json[] = []
    let pages = 0
    let from: string | undefined
    do {
      const page = await alice.messages(roomId, { dir: 'b', limit: 10, filter: JSON.stringify(filter), from })
      pages++
      found.push(...page.chunk)
      from = page.end
      if (pages === 1) expect([page.chunk, typeof from]).toEqual([[], 'string'])
    } while (found.length === 0 && from !== undefined)
    expect(found.map(({ type }) => type)).toEqual(['a.needle'])
    // 8 MiB of events a request.
    expect(pages).toBeGreaterThanOrEqual(3)
    expect(pages).toBeLessThanOrEqual(5)
  })

  it('in a sync ends early, too, and says that the timeline is limited', async () => {
    const filter = JSON.stringify({ room: { timeline: { types: ['a.needle'], limit: 20 } } })
    const { timeline } = (await alice.sync({ filter })).rooms.join[roomId]
    expect([timeline.events, timeline.limited]).toEqual([[], true])
  })
})
