import { expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type StartHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent

const pair = async (start: StartHomeserver) => {
  const clock = new SteppedClock()
  const homeserver = await start({ clock })
  const alice = await homeserver.register('alice')
  const bob = await homeserver.register('bob')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  return { clock, homeserver, alice, bob, roomId }
}

interface PresenceSection {
  readonly presence?: {
    readonly events: readonly { readonly sender: string; readonly content: { readonly presence: string } }[]
  }
}

const statusOf = (viewer: TestClient, of: TestClient) => viewer.get(`/v3/presence/${enc(of.userId)}/status`)
const setStatus = (client: TestClient, body: object) => client.put(`/v3/presence/${enc(client.userId)}/status`, body)

onEveryHomeserver('presence', (start) => {
  it('is set by hand, seen by who shares a room, and told to them', async () => {
    const { homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    const stranger = await homeserver.register('stranger')
    const { next_batch } = await bob.sync({ set_presence: 'offline' })
    await setStatus(alice, { presence: 'online', status_msg: 'I am here' })
    const told = await bob.syncUntil(next_batch, (sync) =>
      sync.presence?.events.some(({ sender }: { sender: string }) => sender === alice.userId),
    )
    const event = told.presence.events.find(({ sender }: { sender: string }) => sender === alice.userId)
    expect(event).toMatchObject({
      type: 'm.presence',
      content: { presence: 'online', status_msg: 'I am here', currently_active: true },
    })
    expect(event.content.last_active_ago).toBeGreaterThanOrEqual(0)
    expect(await statusOf(bob, alice)).toMatchObject({ presence: 'online', status_msg: 'I am here' })
    await setStatus(alice, { presence: 'unavailable', status_msg: null })
    const away = await statusOf(alice, alice)
    expect([away.presence, away.status_msg]).toEqual(['unavailable', undefined])
    for (const hidden of [alice.userId, '@nobody:localhost']) {
      const refused = await stranger.request('GET', `/v3/presence/${enc(hidden)}/status`)
      expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    }
    expect(
      (await stranger.sync()).presence?.events.map(({ sender }: { sender: string }) => sender) ?? [],
    ).not.toContain(alice.userId)
  })

  it('follows the sync: online while it goes on, idle after a while, offline some time after it ended', async () => {
    const { clock, homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    await alice.sync({ set_presence: 'offline' })
    expect((await statusOf(bob, alice)).presence).toBe('offline')
    await alice.sync()
    expect(await statusOf(bob, alice)).toMatchObject({ presence: 'online', currently_active: true })
    clock.advance(20_000)
    expect((await statusOf(bob, alice)).presence).toBe('online')
    clock.advance(11_000)
    const gone = await statusOf(bob, alice)
    expect(gone.presence).toBe('offline')
    expect(gone.last_active_ago).toBeGreaterThanOrEqual(31_000)

    await alice.sync({ set_presence: 'unavailable' })
    expect((await statusOf(bob, alice)).presence).toBe('unavailable')
    await alice.sync()
    expect((await statusOf(bob, alice)).presence).toBe('online')
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(29_000)
      await alice.sync()
    }
    expect((await statusOf(bob, alice)).presence).toBe('online')
    clock.advance(29_000)
    await alice.sync()
    expect((await statusOf(bob, alice)).presence).toBe('unavailable')
  })

  it('is left as it is by a sync that says offline: that one is not counted, and takes nobody away', async () => {
    const { clock, homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    await alice.sync()
    await alice.sync({ set_presence: 'offline' })
    expect((await statusOf(bob, alice)).presence).toBe('online')
    clock.advance(20_000)
    await alice.sync({ set_presence: 'offline' })
    clock.advance(11_000)
    expect((await statusOf(bob, alice)).presence).toBe('offline')
  })

  it('comes back to online by doing something, not by being connected', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    await alice.sync()
    await setStatus(alice, { presence: 'unavailable' })
    await alice.sync()
    expect((await statusOf(bob, alice)).presence).toBe('unavailable')
    await alice.typing(roomId, 1_000)
    expect((await statusOf(bob, alice)).presence).toBe('online')
    await setStatus(alice, { presence: 'offline' })
    await alice.sync()
    expect((await statusOf(bob, alice)).presence).toBe('offline')
  })

  it('is told when time alone changed it', async () => {
    const { clock, homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    const { next_batch } = await bob.sync()
    await alice.sync()
    const about = (sync: { presence?: { events: { sender: string; content: { presence: string } }[] } }) =>
      sync.presence?.events.find(({ sender }) => sender === alice.userId)?.content.presence
    const first = await bob.syncUntil(next_batch, (sync) => about(sync) === 'online')
    clock.advance(60_000)
    await bob.syncUntil(first.next_batch, (sync) => about(sync) === 'offline')
  })

  it('of whom one meets anew is told even where it is offline: one may remember them otherwise', async () => {
    const { clock, homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    const carol = await homeserver.register('carol')
    await carol.join(roomId)
    const toldOf = (of: TestClient) => (sync: PresenceSection) =>
      sync.presence?.events.filter(({ sender }) => sender === of.userId).map(({ content }) => content.presence) ?? []
    const quietly = (since: string) => ({ since, set_presence: 'offline' })
    const carolBefore = await carol.sync({ set_presence: 'offline' })
    await alice.sync()
    const online = await carol.syncUntil(carolBefore.next_batch, (sync) => toldOf(alice)(sync).includes('online'))
    expect(toldOf(alice)(await bob.sync({ set_presence: 'offline' }))).toEqual(['online'])
    await bob.leave(roomId)
    clock.advance(60_000)
    await carol.syncUntil(online.next_batch, (sync) => toldOf(alice)(sync).includes('offline'))
    const apart = await bob.sync({ set_presence: 'offline' })
    await bob.join(roomId)
    const again = await bob.sync(quietly(apart.next_batch))
    expect(toldOf(alice)(again)).toEqual(['offline'])
    const dave = await homeserver.register('dave')
    await dave.join(roomId)
    expect(toldOf(dave)(await bob.sync(quietly(again.next_batch)))).toEqual(['offline'])
  })

  it('is told of who came, not of who came and went again: with them nothing is shared any more', async () => {
    const { homeserver, alice, roomId } = await pair(start)
    await using _ = homeserver
    const [carol, dave] = [await homeserver.register('carol'), await homeserver.register('dave')]
    for (const client of [carol, dave]) await setStatus(client, { presence: 'online' })
    const { next_batch: since } = await alice.sync()
    await carol.join(roomId)
    await carol.post(`/v3/rooms/${roomId}/leave`)
    await dave.join(roomId)
    const { presence }: PresenceSection = await alice.sync({ since })
    const senders = presence?.events.map(({ sender }) => sender)
    expect(senders).toContain(dave.userId)
    expect(senders).not.toContain(carol.userId)
  })

  it('keeps status and last activity over a restart', async () => {
    const { clock, homeserver, alice, bob } = await pair(start)
    await using _ = homeserver
    await setStatus(alice, { presence: 'online', status_msg: 'back soon' })
    clock.advance(60_000)
    await homeserver.restart()
    const kept = await statusOf(bob, alice)
    expect(kept).toMatchObject({ presence: 'offline', status_msg: 'back soon' })
    expect(kept.last_active_ago).toBeGreaterThanOrEqual(60_000)
  })

  it('refuses what does not fit', async () => {
    await using homeserver = await start()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const put = async (client: TestClient, body: unknown) =>
      (await client.request('PUT', `/v3/presence/${enc(alice.userId)}/status`, { body })).body.errcode
    expect(await put(bob, { presence: 'online' })).toBe('M_FORBIDDEN')
    expect(await put(alice, {})).toBe('M_MISSING_PARAM')
    expect(await put(alice, { presence: 'dancing' })).toBe('M_BAD_JSON')
    expect(await put(alice, { presence: 'online', status_msg: 5 })).toBe('M_BAD_JSON')
    expect(await put(alice, { presence: 'online', status_msg: 'x'.repeat(1_001) })).toBe('M_BAD_JSON')
    expect(await put(alice, '{"presence":"online","status_msg":"\\u0000"}')).toBe('M_BAD_JSON')
    expect(await put(alice, '{"presence":"online","status_msg":"\\ud800"}')).toBe('M_BAD_JSON')
    expect((await alice.request('GET', '/v3/presence/nobody/status')).body.errcode).toBe('M_INVALID_PARAM')
    expect(await alice.get(`/v3/presence/${enc(alice.userId)}/status`)).toMatchObject({ presence: 'offline' })
  })
})
