import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type StartHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent
const V1 = '/_matrix/client/api/v1'
const NOW = '/v3'

const pair = async (start: StartHomeserver, settings = {}) => {
  const clock = new SteppedClock()
  const homeserver = await start({ clock, settings })
  const alice = await homeserver.register('alice')
  const bob = await homeserver.register('bob')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  return { clock, homeserver, alice, bob, roomId }
}

const statusOf = (viewer: TestClient, of: TestClient, prefix = V1): Promise<Json> =>
  viewer.get(`${prefix}/presence/${enc(of.userId)}/status`)
const setStatus = (client: TestClient, presence: string, prefix = V1) =>
  client.request('PUT', `${prefix}/presence/${enc(client.userId)}/status`, { body: { presence } })
const presenceOf = (events: Json[], of: TestClient): string | undefined =>
  events.find((e) => e.type === 'm.presence' && (e.sender ?? e.content.user_id) === of.userId)?.content.presence

onEveryHomeserver('the states of presence', (start) => {
  it('free_for_chat is kept, shown to clients of 2015 as it is and to those of today as online', async () => {
    const { clock, homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    const { next_batch: since } = await bob.sync({ set_presence: 'offline' })
    const from = (await bob.get(`${V1}/initialSync`)).end
    expect((await setStatus(alice, 'free_for_chat')).status).toBe(200)
    expect((await setStatus(bob, 'free_for_chat', NOW)).body.errcode).toBe('M_BAD_JSON')
    expect(await statusOf(bob, alice)).toMatchObject({ presence: 'free_for_chat', currently_active: true })
    expect(await statusOf(bob, alice, NOW)).toMatchObject({ presence: 'online', currently_active: true })
    const told = await bob.syncUntil(since, (sync) => presenceOf(sync.presence?.events ?? [], alice) !== undefined)
    expect(presenceOf(told.presence.events, alice)).toBe('online')
    for (const [prefix, shown] of [
      [V1, 'free_for_chat'],
      [NOW, 'online'],
    ] as const) {
      const { chunk } = await bob.get(`${prefix}/events`, { from, timeout: 0 })
      expect([prefix, presenceOf(chunk, alice)]).toEqual([prefix, shown])
      const initial = await bob.get(`${prefix}/initialSync`)
      expect([prefix, presenceOf(initial.presence, alice)]).toEqual([prefix, shown])
    }
    // Being connected leaves it as it is; being idle does not.
    await alice.sync()
    expect((await statusOf(bob, alice)).presence).toBe('free_for_chat')
    for (let minute = 0; minute < 11; minute++) {
      clock.advance(29_000)
      await alice.sync()
    }
    expect((await statusOf(bob, alice)).presence).toBe('unavailable')
    await setStatus(alice, 'free_for_chat')
    await setStatus(alice, 'online')
    expect((await statusOf(bob, alice)).presence).toBe('online')
  })

  it('time alone makes who waits in the event stream inactive, then idle, and who left it offline', async () => {
    const { clock, homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    const { end } = await bob.get(`${V1}/initialSync`)
    expect(await statusOf(alice, bob)).toMatchObject({ presence: 'online', currently_active: true })
    for (let second = 0; second < 60; second += 20) {
      clock.advance(20_000)
      await bob.get(`${V1}/events`, { from: end, timeout: 0 })
    }
    const inactive = await statusOf(alice, bob)
    expect(inactive).toMatchObject({ presence: 'online', currently_active: false })
    expect(inactive.last_active_ago).toBeGreaterThanOrEqual(60_000)
    for (let second = 60; second < 300; second += 20) {
      clock.advance(20_000)
      await bob.get(`${V1}/events`, { from: end, timeout: 0 })
    }
    const idle = await statusOf(alice, bob)
    expect([idle.presence, idle.currently_active]).toEqual(['unavailable', undefined])
    clock.advance(31_000)
    const gone = await statusOf(alice, bob)
    expect(gone.presence).toBe('offline')
    expect(gone.last_active_ago).toBeGreaterThanOrEqual(331_000)
  })

  it('that somebody is not active any more wakes nobody by itself, and is told within half a minute', async () => {
    const { clock, homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    const ofAlice = (sync: Json): Json =>
      sync.presence?.events.find(({ sender }: Json) => sender === alice.userId)?.content
    // Without a presence of his own, whose changes would take hers along.
    const hidden = { set_presence: 'offline' }
    const hears = async (token: string): Promise<Json> => {
      for (let since = token, round = 0; round < 20; round++) {
        const sync = await bob.sync({ since, timeout: 3_000, ...hidden })
        if (ofAlice(sync) !== undefined) return sync
        since = sync.next_batch
      }
      throw new Error('nothing was told of her')
    }
    const first = await bob.sync(hidden)
    const { next_batch: since } = await alice.sync()
    const online = await hears(first.next_batch)
    expect(ofAlice(online).currently_active).toBe(true)
    const stays = async (seconds: number): Promise<void> => {
      for (let left = seconds; left > 0; left -= 15) {
        clock.advance(15_000)
        await alice.sync({ since })
      }
    }
    await stays(75)
    const quiet = await bob.sync({ since: online.next_batch, timeout: 200, ...hidden })
    expect(ofAlice(quiet)).toBeUndefined()
    await stays(30)
    const told = await hears(quiet.next_batch)
    expect(ofAlice(told)).toMatchObject({ presence: 'online', currently_active: false })
  })

  it('of others end a long poll that does not want to hear of oneself', async () => {
    const { homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    const filter = JSON.stringify({ presence: { not_senders: [bob.userId] } })
    const { next_batch: since } = await bob.sync({ filter })
    await setStatus(bob, 'unavailable')
    await setStatus(alice, 'online')
    // Both in one window: longer than a test may take.
    const told = await bob.sync({ since, filter, timeout: 150_000 })
    expect(told.presence.events.map(({ sender }: Json) => sender)).toEqual([alice.userId])
  })

  it('are all offline, and nobody hears of any, where presence is switched off', async () => {
    const { homeserver, alice, bob } = await pair(start, { presence: { enabled: false } })
    await using _ = homeserver
    const { next_batch: since, presence } = await bob.sync()
    expect(presence.events).toEqual([])
    expect((await setStatus(alice, 'online')).status).toBe(200)
    expect(await statusOf(bob, alice)).toEqual({ presence: 'offline' })
    expect(await statusOf(alice, alice)).toEqual({ presence: 'offline' })
    const stranger = await homeserver.register('stranger')
    expect((await stranger.request('GET', `${V1}/presence/${enc(bob.userId)}/status`)).status).toBe(403)
    expect((await bob.sync({ since })).presence.events).toEqual([])
    expect((await bob.get(`${V1}/initialSync`)).presence).toEqual([])
  })
})
