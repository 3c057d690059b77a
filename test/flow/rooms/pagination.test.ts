import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, Query, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient

const idsOf = (chunk: readonly Json[]): string[] => chunk.map(({ event_id: eventId }) => eventId)

/** All pages in one direction, from a token or from the end of the room. */
const readAll = async (client: TestClient, roomId: string, query: Query): Promise<Json[]> => {
  const events: Json[] = []
  let from = query.from
  for (let pages = 0; pages < 200; pages++) {
    const page: Json = await client.messages(roomId, { ...query, from })
    events.push(...page.chunk)
    if (from !== undefined) expect(page.start).toBe(from)
    if (page.end === undefined) return events
    expect(page.end).not.toBe(from)
    from = page.end
  }
  throw new Error('the pages do not end')
}

onEveryHomeserver('pages of a room’s history', (start) => {
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
  })
  afterAll(() => homeserver.stop())

  it('hold every event the reader may see exactly once, in both directions, while others write', async () => {
    const step = fc.oneof(
      fc.record({ act: fc.constant('say' as const), by: fc.constantFrom(0, 1) }),
      fc.record({ act: fc.constantFrom('hide' as const, 'show' as const, 'away' as const), by: fc.constant(0) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 25 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 6 }),
        async (steps, limit, interruptions) => {
          const roomId = await alice.createRoom({ preset: 'public_chat' })
          await bob.join(roomId)
          const said: string[] = []
          for (const { act, by } of steps) said.push(...(await perform(roomId, act, by)))
          await bob.join(roomId)
          const { next_batch: now } = await bob.sync({ filter: '{"room":{"timeline":{"limit":1}}}' })

          const expected = idsOf((await bob.messages(roomId, { dir: 'f', limit: 500, to: now })).chunk)
          expect(expected).toEqual(expect.arrayContaining(said))
          const writing = (async () => {
            for (const count of interruptions)
              for (let sent = 0; sent <= count; sent++) await alice.sendText(roomId, 'meanwhile')
          })()
          const back = readAll(bob, roomId, { dir: 'b', limit, from: now })
          const forth = readAll(bob, roomId, { dir: 'f', limit, to: now })
          expect(idsOf(await back).reverse()).toEqual(expected)
          expect(idsOf(await forth)).toEqual(expected)
          await writing
        },
      ),
      { numRuns: 12 },
    )
  })

  it('can be asked for without a token, and from the token of a sync', async () => {
    const roomId = await alice.createRoom()
    const first = await alice.sendText(roomId, 'first')
    const sync = await alice.sync({ filter: '{"room":{"timeline":{"limit":1}}}' })
    const { prev_batch: before, events } = sync.rooms.join[roomId].timeline
    expect(idsOf(events)).toEqual([first])
    const last = await alice.sendText(roomId, 'last')
    expect(idsOf((await alice.messages(roomId, { dir: 'b', limit: 2 })).chunk)).toEqual([last, first])
    expect((await alice.messages(roomId, { dir: 'f', limit: 1 })).chunk[0].type).toBe('m.room.create')
    expect((await alice.messages(roomId, { dir: 'b', from: before, limit: 1 })).chunk[0].type).not.toBe(
      'm.room.message',
    )
    expect(idsOf((await alice.messages(roomId, { dir: 'f', from: before })).chunk)).toEqual([first, last])
    expect(idsOf((await alice.messages(roomId, { dir: 'f', from: sync.next_batch })).chunk)).toEqual([last])
    expect(idsOf((await alice.messages(roomId, { dir: 'b', to: before })).chunk)).toEqual([last, first])
    expect(idsOf((await alice.messages(roomId, { dir: 'f', from: before, to: sync.next_batch })).chunk)).toEqual([
      first,
    ])
  })

  it('may be asked for from END and from START under r0, where clients of long ago went on to say so', async () => {
    const roomId = await alice.createRoom()
    const last = await alice.sendText(roomId, 'last')
    const r0 = (query: object) =>
      alice.request('GET', `/r0/rooms/${encodeURIComponent(roomId)}/messages`, { query: { limit: 1, ...query } })
    const newest = await r0({ dir: 'b', from: 'END' })
    expect([newest.status, idsOf(newest.body.chunk)]).toEqual([200, [last]])
    expect((await r0({ dir: 'b', from: newest.body.end })).body.chunk[0].type).not.toBe('m.room.message')
    expect((await r0({ dir: 'f', from: 'START' })).body.chunk[0].type).toBe('m.room.create')
    expect((await r0({ dir: 'b', from: 'END', to: 'START' })).status).toBe(200)
    expect((await r0({ dir: 'f', from: 'END' })).body.chunk).toEqual([])
    expect((await r0({ dir: 'b', from: 'MIDDLE' })).status).toBe(400)
    const events = await alice.request('GET', '/r0/events', { query: { from: 'END', timeout: 0 } })
    expect([events.status, events.body.chunk]).toEqual([200, []])
  })

  it('say where the history ends, and that more may come at its live end', async () => {
    const roomId = await alice.createRoom()
    const whole = await alice.messages(roomId, { dir: 'b', limit: 100 })
    const beyond = await alice.messages(roomId, { dir: 'b', from: whole.end })
    expect([beyond.chunk, beyond.end, beyond.start]).toEqual([[], undefined, whole.end])
    const live = await alice.messages(roomId, { dir: 'f', limit: 100 })
    const eventId = await alice.sendText(roomId, 'news')
    expect(idsOf((await alice.messages(roomId, { dir: 'f', from: live.end })).chunk)).toEqual([eventId])
  })

  it('hold what a filter lets through, and as many as are asked for, however far apart', async () => {
    const roomId = await alice.createRoom()
    const wanted: string[] = []
    for (let count = 0; count < 60; count++) {
      const id = await alice.send(roomId, count % 20 === 0 ? 'm.rare' : 'm.often', { url: 'mxc://a/b' })
      if (count % 20 === 0) wanted.push(id)
    }
    const filter = (value: object) => ({ dir: 'b', limit: 3, filter: JSON.stringify(value) })
    expect(idsOf((await alice.messages(roomId, filter({ types: ['m.rare'] }))).chunk)).toEqual(wanted.toReversed())
    expect((await alice.messages(roomId, filter({ types: [] }))).chunk).toEqual([])
    expect((await alice.messages(roomId, filter({ types: [] }))).end).toBeUndefined()
    expect((await alice.messages(roomId, filter({ not_senders: [alice.userId] }))).chunk).toEqual([])
    expect((await alice.messages(roomId, filter({ rooms: ['!other:localhost'] }))).chunk).toEqual([])
    expect((await alice.messages(roomId, filter({ contains_url: false }))).chunk[0].state_key).toBeDefined()
    const own = await alice.messages(roomId, { dir: 'b', filter: '{"limit":2}' })
    expect(own.chunk).toHaveLength(2)
    expect(await readAll(alice, roomId, filter({ types: ['m.ra*'] }))).toHaveLength(3)
  })

  it('bring the members who speak in them where members are loaded lazily', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await bob.sendText(roomId, 'bob')
    await alice.sendText(roomId, 'alice')
    const page = await alice.messages(roomId, { dir: 'b', limit: 1, filter: '{"lazy_load_members":true}' })
    expect(page.state.map(({ type, state_key: key }: Json) => [type, key])).toEqual([['m.room.member', alice.userId]])
    const two = await alice.messages(roomId, { dir: 'b', limit: 2, filter: '{"lazy_load_members":true}' })
    expect(two.state).toHaveLength(2)
    expect(await alice.messages(roomId, { dir: 'b', limit: 2 })).not.toHaveProperty('state')
  })

  it('tell the reader’s own membership when an event was sent', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await alice.sendText(roomId, 'before')
    await bob.join(roomId)
    await alice.sendText(roomId, 'after')
    const { chunk } = await bob.messages(roomId, { dir: 'b', limit: 3 })
    expect(chunk.map(({ unsigned }: Json) => unsigned.membership)).toEqual(['join', 'join', 'leave'])
  })

  it.each([
    '',
    'dir=x',
    'dir=b&limit=-1',
    'dir=b&limit=ten',
    'dir=b&limit=1.5',
    'dir=b&from=s123_456',
    'dir=b&from=tt',
    'dir=b&from=t99999999999999999999',
    'dir=b&to=h1_',
    'dir=b&filter=nojson',
    'dir=b&filter=[]',
    'dir=b&filter=%7B%22types%22%3A7%7D',
    'dir=b&dir=f',
  ])('are refused for the query "%s"', async (query) => {
    const roomId = await alice.createRoom()
    const { status, body } = await alice.request('GET', `/v3/rooms/${encodeURIComponent(roomId)}/messages?${query}`)
    expect([status, body.errcode.replace('M_MISSING_PARAM', 'M_INVALID_PARAM')]).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('are bounded, whatever is asked for', async () => {
    const roomId = await alice.createRoom()
    for (let count = 0; count < 80; count++) await alice.send(roomId, 'm.large', { body: 'x'.repeat(60_000) })
    const page = await alice.messages(roomId, { dir: 'b', limit: 1_000_000 })
    expect(page.chunk.length).toBeLessThan(80)
    expect(await readAll(alice, roomId, { dir: 'b', limit: 1_000_000, filter: '{"types":["m.large"]}' })).toHaveLength(
      80,
    )
  })
})

/** Answers with the events that Bob must see: his own. */
const perform = async (roomId: string, act: 'say' | 'hide' | 'show' | 'away', by: number): Promise<string[]> => {
  const visibility = (value: string) =>
    alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: value })
  if (act === 'say' && by === 1) return [await bob.sendText(roomId, 'said')]
  if (act === 'say') await alice.sendText(roomId, 'said')
  else if (act === 'hide') await visibility('joined')
  else if (act === 'show') await visibility('shared')
  else {
    await bob.leave(roomId)
    await alice.sendText(roomId, 'while bob is away')
    await bob.join(roomId)
  }
  return []
}
