import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { longestStepMs } from '../../support/event-loop.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { each } from '../many-at-once/together.ts'

const enc = encodeURIComponent
const BLOCKED = [403, 'M_INVITE_BLOCKED']
const FILTER = 'org.matrix.msc4155.invite_permission_config'

const set = (client: TestClient, type: string, content: unknown) =>
  client.put(`/v3/user/${enc(client.userId)}/account_data/${type}`, content)
const block = (client: TestClient, action: unknown = 'block') =>
  set(client, 'm.invite_permission_config', { default_action: action })
const filter = (client: TestClient, lists: Json) => set(client, FILTER, lists)
const ignore = (client: TestClient, ...users: readonly string[]) =>
  set(client, 'm.ignored_user_list', { ignored_users: Object.fromEntries(users.map((user) => [user, {}])) })
/** The rooms of invites that a new client is shown, by both ways to ask. */
const shown = async (client: TestClient): Promise<readonly string[]> => {
  const { rooms } = await client.sync()
  const old = await client.get('/_matrix/client/api/v1/initialSync')
  const invites = Object.keys(rooms?.invite ?? {}).toSorted()
  const before = old.rooms.filter(({ membership }: Json) => membership === 'invite')
  expect(before.map(({ room_id }: Json) => room_id).toSorted()).toEqual(invites)
  return invites
}
const trio = async (server: TestHomeserver) => ({
  alice: await server.register('alice'),
  bob: await server.register('bob'),
  eve: await server.register('eve'),
})
/** Whether an invite is refused, shown, or accepted and not shown. */
const inviteBy = async (host: TestClient, guest: TestClient): Promise<'blocked' | 'ignored' | 'shown'> => {
  const roomId = await host.createRoom()
  const { status, body } = await host.request('POST', `/v3/rooms/${enc(roomId)}/invite`, {
    body: { user_id: guest.userId },
  })
  if (status !== 200) {
    expect([status, body.errcode]).toEqual(BLOCKED)
    expect(await shown(guest)).not.toContain(roomId)
    return 'blocked'
  }
  return (await shown(guest)).includes(roomId) ? 'shown' : 'ignored'
}

onEveryHomeserver('invite permission', (start) => {
  const shared = shareHomeserver(start)

  it('block: is told on every path that invites, and ends with the setting', async () => {
    const { alice, bob } = await trio(await shared())
    const roomId = await bob.createRoom()
    await block(alice)
    const before = await bob.get('/v3/joined_rooms')
    for (const [method, path, body] of [
      ['POST', `/v3/rooms/${enc(roomId)}/invite`, { user_id: alice.userId }],
      ['PUT', `/_matrix/client/api/v1/rooms/${enc(roomId)}/invite/1`, { user_id: alice.userId }],
      ['PUT', `/v3/rooms/${enc(roomId)}/state/m.room.member/${enc(alice.userId)}`, { membership: 'invite' }],
      ['POST', '/v3/createRoom', { invite: [alice.userId] }],
    ] as const) {
      const { status, body: said } = await bob.request(method, path, { body })
      expect([status, said.errcode], path).toEqual(BLOCKED)
    }
    expect(await bob.get('/v3/joined_rooms')).toEqual(before)
    expect((await bob.request('GET', `/v3/rooms/${enc(roomId)}/state/m.room.member/${enc(alice.userId)}`)).status).toBe(
      404,
    )
    for (const content of [{}, { default_action: 'allow' }, { default_action: ['block'] }, { default_action: 1 }]) {
      await set(alice, 'm.invite_permission_config', content)
      expect(await inviteBy(bob, alice)).toBe('shown')
    }
  })

  it('block: stored invites are hidden from sync and shown elsewhere; they come back when it ends', async () => {
    const { alice, bob } = await trio(await shared())
    const roomId = await bob.createRoom({ invite: [alice.userId] })
    expect(await shown(alice)).toEqual([roomId])
    await block(alice)
    expect(await shown(alice)).toEqual([])
    expect(await bob.getState(roomId, 'm.room.member', alice.userId)).toMatchObject({ membership: 'invite' })
    await set(alice, 'm.invite_permission_config', {})
    expect(await shown(alice)).toEqual([roomId])
    await alice.join(roomId)
  })

  it.each<
    [string, (who: { bob: string }) => Json, 'blocked' | 'ignored' | 'shown', ('blocked' | 'ignored' | 'shown')?]
  >([
    ['no rules', () => ({}), 'shown'],
    ['one user is blocked', ({ bob }) => ({ blocked_users: [bob] }), 'blocked'],
    ['one user is ignored', ({ bob }) => ({ ignored_users: [bob] }), 'ignored'],
    ['a server is blocked', () => ({ blocked_servers: ['localhost'] }), 'blocked', 'blocked'],
    ['a server is ignored', () => ({ ignored_servers: ['localhost'] }), 'ignored', 'ignored'],
    [
      'a user is allowed of a blocked server',
      ({ bob }) => ({ allowed_users: [bob], blocked_servers: ['localhost'] }),
      'shown',
      'blocked',
    ],
    [
      'a server is allowed among all that are blocked',
      () => ({ allowed_servers: ['local*'], blocked_servers: ['*'] }),
      'shown',
      'shown',
    ],
    [
      'a user is blocked of an allowed server',
      ({ bob }) => ({ blocked_users: [bob], allowed_servers: ['localhost'] }),
      'blocked',
    ],
    [
      'users before servers, whatever they say',
      ({ bob }) => ({ ignored_users: [bob], allowed_servers: ['*'] }),
      'ignored',
    ],
    [
      'allowed before ignored and blocked',
      ({ bob }) => ({ allowed_users: [bob], ignored_users: ['*'], blocked_users: ['*'] }),
      'shown',
      'ignored',
    ],
    ['ignored before blocked', ({ bob }) => ({ ignored_users: [bob], blocked_users: [bob] }), 'ignored'],
    ['globs of users', () => ({ blocked_users: ['@b?b*:local*'] }), 'blocked'],
    ['globs of servers', () => ({ blocked_servers: ['loc?lhost'] }), 'blocked', 'blocked'],
  ])('filter: %s', async (_, lists, ofBob, ofEve = 'shown') => {
    const { alice, bob, eve } = await trio(await shared())
    await filter(alice, lists({ bob: bob.userId }))
    expect(await inviteBy(bob, alice)).toBe(ofBob)
    expect(await inviteBy(eve, alice)).toBe(ofEve)
  })

  it('ignored invites are not in waiting syncs, the event stream, notifications or badges, and can be accepted', async () => {
    const { alice, bob, eve } = await trio(await shared())
    await filter(alice, { ignored_users: [bob.userId] })
    await ignore(alice, eve.userId)
    const { next_batch: since } = await alice.sync({ set_presence: 'offline' })
    const waiting = alice.syncUntil(since, (sync) => sync.account_data?.events?.some((e: Json) => e.type === 'm.last'))
    const rooms = [await bob.createRoom({ invite: [alice.userId] }), await eve.createRoom({ invite: [alice.userId] })]
    await set(alice, 'm.last', { x: 1 })
    expect(JSON.stringify(await waiting)).not.toMatch(/m\.room\.member/)
    const { chunk } = await alice.get('/_matrix/client/api/v1/events', { from: since, timeout: 0 })
    expect(chunk.filter(({ type }: Json) => type === 'm.room.member')).toEqual([])
    expect((await alice.get('/v3/notifications')).notifications).toEqual([])
    expect(await shown(alice)).toEqual([])
    for (const roomId of rooms) await alice.join(roomId)
    expect((await alice.get('/v3/joined_rooms')).joined_rooms.toSorted()).toEqual(rooms.toSorted())
  })

  it('lists of any kind harm nobody: what is no pattern is passed over, and the work is bounded', async () => {
    const { alice, bob } = await trio(await shared())
    for (const lists of [
      { blocked_users: 'everybody' },
      { blocked_users: [null, 5, {}, [], '', ['*'], '\u0007', `@${'x'.repeat(300)}*`] },
      { blocked_users: { 0: '*', length: 1 } },
      { __proto__: { blocked_users: ['*'] }, blocked_servers: null },
    ]) {
      await filter(alice, lists)
      expect(await inviteBy(bob, alice)).toBe('shown')
    }
    const costly = `${'*a?'.repeat(80)}b`
    await filter(alice, { blocked_users: Array.from({ length: 1_900 }, (_, k) => `${costly}${k}`) })
    const roomId = await bob.createRoom()
    await bob.sendText(roomId, 'warm')
    const step = await longestStepMs(async () => {
      expect(await inviteBy(bob, alice)).toBe('shown')
    })
    expect(step).toBeLessThan(60)
    await filter(alice, {
      blocked_users: Array.from({ length: 12_000 }, (_, k) => `@user${k}:localhost`).concat(bob.userId),
    })
    expect(await inviteBy(bob, alice)).toBe('blocked')
  })

  it('32 invites at once are each judged by the lists of that time', async () => {
    const { alice, bob, eve } = await trio(await shared())
    await filter(alice, { blocked_users: [eve.userId] })
    const outcomes = await Promise.all(
      each(async (n) => {
        const { status } = await (n % 2 === 0 ? bob : eve).request('POST', '/v3/createRoom', {
          body: { invite: [alice.userId] },
        })
        return status
      }),
    )
    expect(outcomes).toEqual(each((n) => (n % 2 === 0 ? 200 : 403)))
    expect(await shown(alice)).toHaveLength(16)
  })
})
