import { expect, it } from 'vitest'
import type { Body, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type StartHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const enc = encodeURIComponent

const status = async (client: TestClient, path: string): Promise<number> => (await client.request('GET', path)).status
const eventPath = (roomId: string, eventId: string) => `/v3/rooms/${enc(roomId)}/event/${enc(eventId)}`
const texts = async (client: TestClient, roomId: string): Promise<string[]> => {
  const { chunk } = await client.messages(roomId, { dir: 'f', limit: 100 })
  return chunk.flatMap(({ content }: Json) => content.body ?? [])
}
const keep = (client: TestClient, roomId: string, content: Body) =>
  client.setState(roomId, 'm.room.retention', '', content)
const foundBySearch = async (client: TestClient, term: string): Promise<number> => {
  const search_categories = { room_events: { search_term: term } }
  return (await client.post('/v3/search', { search_categories })).search_categories.room_events.results.length
}

onEveryHomeserver('messages that are older than their room keeps them', (start: StartHomeserver) => {
  const open = async (retention: Body) => {
    const clock = new SteppedClock()
    const homeserver = await start({ clock, settings: { retention } })
    return { clock, homeserver, alice: await homeserver.register('alice'), bob: await homeserver.register('bob') }
  }
  it('tells clients the bounds of the operator', async () => {
    const path = '/unstable/org.matrix.msc1763/retention/configuration'
    const { homeserver, alice } = await open({
      enabled: true,
      defaultLifetime: '90d',
      maxLifetime: '30d',
      minLifetime: '1d',
    })
    const bounds = { min: DAY_MS, max: 30 * DAY_MS }
    const told = { policies: { '*': { max_lifetime: 30 * DAY_MS } }, limits: { max_lifetime: bounds } }
    expect(await alice.get(path)).toEqual(told)
    await homeserver.stop()
    const other = await open({ enabled: false })
    expect(await status(other.alice, path)).toBe(404)
    await other.homeserver.stop()
  })

  /** Whether the server still has it: without a policy everything is shown. */
  const isStored = async (client: TestClient, roomId: string, eventId: string, policy: Body): Promise<boolean> => {
    await keep(client, roomId, {})
    const answer = await status(client, eventPath(roomId, eventId))
    await keep(client, roomId, policy)
    return answer === 200
  }
  const goes = (clock: SteppedClock, client: TestClient, roomId: string, eventId: string, policy: Body) =>
    expect
      .poll(async () => {
        clock.advance(HOUR_MS)
        return isStored(client, roomId, eventId, policy)
      })
      .toBe(false)
  it('are kept where the operator did not turn it on', async () => {
    const { clock, homeserver, alice } = await open({})
    await using _ = homeserver
    const roomId = await alice.createRoom()
    await keep(alice, roomId, { max_lifetime: 1000 })
    const eventId = await alice.sendText(roomId, 'old')
    clock.advance(2 * DAY_MS)
    expect(await status(alice, eventPath(roomId, eventId))).toBe(200)
  })

  it('are shown nowhere from that moment on, and state is', async () => {
    const { clock, homeserver, alice, bob } = await open({ enabled: true })
    await using _ = homeserver
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await keep(alice, roomId, { max_lifetime: DAY_MS })
    const old = await alice.sendText(roomId, 'antique')
    const topic = await alice.setState(roomId, 'm.room.topic', '', { topic: 'kept' })
    expect(await foundBySearch(bob, 'antique')).toBe(1)
    clock.advance(2 * DAY_MS)
    const young = await alice.sendText(roomId, 'young')
    for (const client of [alice, bob]) {
      expect(await texts(client, roomId)).toEqual(['young'])
      for (const path of ['event', 'context'])
        expect(await status(client, `/v3/rooms/${enc(roomId)}/${path}/${enc(old)}`)).toBe(404)
      const { timeline } = (await client.sync()).rooms.join[roomId]
      expect(timeline.events.map(({ content }: Json) => content.body)).not.toContain('antique')
      expect(await foundBySearch(client, 'antique')).toBe(0)
      expect(await status(client, eventPath(roomId, topic))).toBe(200)
      expect(await status(client, eventPath(roomId, young))).toBe(200)
    }
  })

  it('are removed for good, with what relates to them, in pieces and over a restart', async () => {
    const { clock, homeserver, alice } = await open({ enabled: true })
    await using _ = homeserver
    const policy = { max_lifetime: DAY_MS }
    const roomId = await alice.createRoom()
    await keep(alice, roomId, policy)
    const root = await alice.sendText(roomId, 'root')
    const reply = { msgtype: 'm.text', body: 'reply', 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
    const replies: string[] = []
    for (let n = 0; n < 120; n++) replies.push(await alice.send(roomId, 'm.room.message', reply))
    clock.advance(2 * DAY_MS)
    const late = await alice.send(roomId, 'm.room.message', { ...reply, body: 'late' })
    await homeserver.restart()
    await goes(clock, alice, roomId, replies.at(-1) ?? '', policy)
    for (const eventId of [root, replies[0] ?? '']) expect(await isStored(alice, roomId, eventId, policy)).toBe(false)
    await keep(alice, roomId, {})
    expect(await texts(alice, roomId)).toEqual(['late'])
    expect(await status(alice, `/v1/rooms/${enc(roomId)}/relations/${enc(root)}`)).toBe(404)
    const { content } = await alice.getEvent(roomId, late)
    expect(content.body).toBe('late')
    // Everything goes on: the room, and paging through it in both directions.
    await alice.sendText(roomId, 'after')
    let token: string | undefined
    const seen: string[] = []
    for (let page = 0; page < 20; page++) {
      const { chunk, end } = await alice.messages(roomId, { dir: 'b', limit: 3, from: token })
      seen.push(...chunk.flatMap((event: Json) => event.content.body ?? []))
      if (end === undefined) break
      token = end
    }
    expect(seen).toEqual(['after', 'late'])
  })

  it('lose their content, and stay, where later ones have to refer to them', async () => {
    const { clock, homeserver, alice } = await open({ enabled: true })
    await using _ = homeserver
    const roomId = await alice.createRoom()
    await keep(alice, roomId, { max_lifetime: DAY_MS })
    const newest = await alice.sendText(roomId, 'newest')
    clock.advance(2 * DAY_MS)
    // Looked at after the first one.
    const other = await alice.createRoom()
    await keep(alice, other, { max_lifetime: DAY_MS })
    const sentinel = await alice.sendText(other, 'sentinel')
    await alice.sendText(other, 'newest of the other')
    clock.advance(2 * DAY_MS)
    await goes(clock, alice, other, sentinel, { max_lifetime: DAY_MS })
    await keep(alice, roomId, {})
    expect((await alice.getEvent(roomId, newest)).content).toEqual({})
  })

  it.each([
    [{ enabled: true, defaultLifetime: '1d' }, undefined, 2, 404],
    [{ enabled: true, defaultLifetime: '1d' }, {}, 0.5, 200],
    [{ enabled: true, defaultLifetime: '1d' }, { max_lifetime: 3 * DAY_MS }, 2, 200],
    [{ enabled: true, maxLifetime: '1d' }, { max_lifetime: 3 * DAY_MS }, 2, 404],
    [{ enabled: true, maxLifetime: '1d' }, undefined, 2, 404],
    [{ enabled: true, minLifetime: '3d' }, { max_lifetime: 1 }, 2, 200],
    [{ enabled: true, minLifetime: '3d' }, { max_lifetime: 1 }, 4, 404],
    [{ enabled: true }, { max_lifetime: 1, min_lifetime: 3 * DAY_MS }, 2, 200],
    [{ enabled: true }, { max_lifetime: '1' }, 2, 200],
    [{ enabled: true }, { max_lifetime: -1 }, 2, 200],
    [{ enabled: true }, { max_lifetime: null, min_lifetime: {} }, 2, 200],
  ])('by the settings %j and a policy %j after %f days: %i', async (settings, policy, days, expected) => {
    const { clock, homeserver, alice } = await open(settings)
    await using _ = homeserver
    const roomId = await alice.createRoom()
    if (policy !== undefined) await keep(alice, roomId, policy)
    const eventId = await alice.sendText(roomId, 'message')
    await alice.sendText(roomId, 'newest')
    clock.advance(days * DAY_MS)
    expect(await status(alice, eventPath(roomId, eventId))).toBe(expected)
  })
})
