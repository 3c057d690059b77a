import { expect, it } from 'vitest'
import type { Body, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'

const enc = encodeURIComponent

const look = (client: TestClient, term: string, more: Body = {}): Promise<Json> =>
  client.post('/v3/user_directory/search', { search_term: term, ...more })
const names = async (client: TestClient, term: string, more: Body = {}): Promise<string[]> =>
  (await look(client, term, more)).results.map(({ user_id: userId }: Json) => userId)
const setName = (client: TestClient, displayname: string): Promise<Json> =>
  client.put(`/v3/profile/${enc(client.userId)}/displayname`, { displayname })
const setMemberName = (client: TestClient, roomId: string, displayname: string): Promise<string> =>
  client.setState(roomId, 'm.room.member', client.userId, { membership: 'join', displayname })

onEveryHomeserver('the directory of users', (start) => {
  const shared = shareHomeserver(start)
  const people = async (...wanted: string[]): Promise<TestClient[]> => {
    const homeserver = await shared()
    return Promise.all(wanted.map((name) => homeserver.register(name)))
  }
  const two = async (one: string, other: string): Promise<[TestClient, TestClient]> =>
    (await people(one, other)) as [TestClient, TestClient]

  it('finds those with whom one shares a room, by name and by id, and not oneself', async () => {
    const [viewer, found] = await two('viewer', 'robertina')
    await setName(found, 'Bobbie Tables')
    expect(await names(viewer, 'robertina')).toEqual([])
    const roomId = await viewer.createRoom({ invite: [found.userId] })
    expect(await names(viewer, 'robertina')).toEqual([])
    await found.join(roomId)
    const avatar = 'mxc://homeroom.test/abc'
    await found.put(`/v3/profile/${enc(found.userId)}/avatar_url`, { avatar_url: avatar })
    expect(await look(viewer, 'robertina')).toEqual({
      limited: false,
      results: [{ user_id: found.userId, display_name: 'Bobbie Tables', avatar_url: avatar }],
    })
    for (const term of [
      'Bobbie',
      'bobbie tables',
      'TABLES',
      'obbi',
      'bb',
      'tables bob',
      'ertin',
      found.userId,
      '@robert',
      'bóbbie',
      ' bobbie  tables ',
    ])
      expect(await names(viewer, term)).toEqual([found.userId])
    for (const term of [
      '',
      '  ',
      'bobbiex',
      'homeroom',
      'robertina:elsewhere',
      '%',
      '_obbie',
      '!',
      '"',
      "'",
      '\\',
      '@',
      'OR',
      '*',
    ])
      expect(await names(viewer, term).then((all) => all.includes(found.userId) && term !== '@')).toBe(false)
    expect(await names(found, found.userId)).toEqual([])
    await found.leave(roomId)
    expect(await names(viewer, 'robertina')).toEqual([])
  })

  it.each([
    ['anybody may join', { preset: 'public_chat' }],
    [
      'anybody may read',
      {
        initial_state: [
          { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } },
        ],
      },
    ],
  ])('finds members of rooms that %s, until that ends', async (_, room) => {
    const [viewer, found] = await two('viewer', 'openhearted')
    const roomId = await found.createRoom(room)
    expect(await names(viewer, 'openhearted')).toContain(found.userId)
    await found.setState(roomId, 'm.room.join_rules', '', { join_rule: 'invite' })
    await found.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'shared' })
    expect(await names(viewer, 'openhearted')).not.toContain(found.userId)
    await found.setState(roomId, 'm.room.join_rules', '', { join_rule: 'public' })
    expect(await names(viewer, 'openhearted')).toContain(found.userId)
    await found.leave(roomId)
    expect(await names(viewer, 'openhearted')).not.toContain(found.userId)
  })

  it('finds oneself as others do in public rooms, and not in private ones', async () => {
    const [viewer, other] = await two('narcissa', 'echo')
    const secret = await viewer.createRoom({ invite: [other.userId] })
    await other.join(secret)
    expect(await names(viewer, 'narcissa')).toEqual([])
    const open = await other.createRoom({ preset: 'public_chat' })
    await viewer.join(open)
    expect(await names(viewer, 'narcissa')).toEqual([viewer.userId])
    await viewer.leave(open)
    expect(await names(viewer, 'narcissa')).toEqual([])
  })

  it('shows and matches no name that somebody has in one room alone', async () => {
    const [eve, alice] = await two('eve', 'aliceofmany')
    const [bob] = await people('bob')
    if (bob === undefined) throw new Error('nobody')
    await alice.createRoom({ preset: 'public_chat' })
    const secret = await bob.createRoom({ invite: [alice.userId] })
    await alice.join(secret)
    await setMemberName(alice, secret, 'Coopersmith')
    for (const viewer of [eve, bob]) {
      expect(await names(viewer, 'coopersmith')).toEqual([])
      expect((await look(viewer, 'aliceofmany')).results).toEqual([
        { user_id: alice.userId, display_name: alice.userId.slice(1, alice.userId.indexOf(':')) },
      ])
    }
  })

  it('follows the profile: a new name is found and the old one is not', async () => {
    const [viewer, found] = await two('viewer', 'changeling')
    await found.createRoom({ preset: 'public_chat' })
    await setName(found, 'Firstname')
    expect(await names(viewer, 'firstname')).toEqual([found.userId])
    await setName(found, '山田太郎')
    expect(await names(viewer, 'firstname')).toEqual([])
    expect(await names(viewer, '田太')).toEqual([found.userId])
    await found.delete(`/v3/profile/${enc(found.userId)}/displayname`)
    expect(await names(viewer, '山田')).toEqual([])
    expect((await look(viewer, 'changeling')).results).toEqual([{ user_id: found.userId }])
  })

  it('puts whole names first, then beginnings, and says when there are more', async () => {
    const [viewer] = await people('viewer')
    const all = await people('zoraida', 'mzora', 'zora', 'xyzora')
    for (const client of all) await client.createRoom({ preset: 'public_chat' })
    const [longer, inner, whole, inside] = all.map(({ userId }) => userId)
    await setName(all[1] as TestClient, 'Big Zora')
    if (viewer === undefined) throw new Error('nobody')
    expect(await names(viewer, 'zora')).toEqual([whole, longer, inner, inside])
    expect(await look(viewer, 'zora', { limit: 2 })).toMatchObject({
      limited: true,
      results: [{ user_id: whole }, { user_id: longer }],
    })
    expect(await look(viewer, 'zora', { limit: 4 })).toMatchObject({ limited: false })
    expect(await look(viewer, 'zora', { limit: 0 })).toEqual({ limited: true, results: [] })
  })

  it('finds nobody whose account is locked, until that ends', async () => {
    const [viewer, found] = await two('viewer', 'lockable')
    const admin = await registerAdmin(await shared(), 'warden')
    await found.createRoom({ preset: 'public_chat' })
    await admin.put(`/v1/admin/lock/${enc(found.userId)}`, { locked: true })
    expect(await names(viewer, 'lockable')).toEqual([])
    await admin.put(`/v1/admin/lock/${enc(found.userId)}`, { locked: false })
    expect(await names(viewer, 'lockable')).toEqual([found.userId])
  })

  it('finds nobody who is gone', async () => {
    const [viewer, found] = await two('viewer', 'ephemera')
    const roomId = await viewer.createRoom({ preset: 'public_chat' })
    await found.join(roomId)
    expect(await names(viewer, 'ephemera')).toEqual([found.userId])
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: found.userId } }
    await found.post('/v3/account/deactivate', { auth: { ...auth, password: 'correct horse battery staple' } })
    expect(await names(viewer, 'ephemera')).toEqual([])
  })

  it('refuses what is no question', async () => {
    const [viewer] = await people('viewer')
    for (const body of [{ search_term: 1 }, { search_term: 'x'.repeat(501) }, { search_term: 'x', limit: -1 }])
      expect(await viewer?.request('POST', '/v3/user_directory/search', { body })).toMatchObject({
        status: 400,
        body: { errcode: 'M_BAD_JSON' },
      })
    expect(await viewer?.request('POST', '/v3/user_directory/search', { body: {} })).toMatchObject({
      status: 400,
      body: { errcode: 'M_MISSING_PARAM' },
    })
  })

  it('finds everybody where the operator lets it, whatever rooms they are in', async () => {
    await using homeserver: TestHomeserver = await start({ settings: { userDirectory: { everybody: true } } })
    const viewer = await homeserver.register('viewer')
    const found = await homeserver.register('hermit')
    await setName(found, 'Simeon')
    for (const term of ['hermit', 'simeon', 'imeo', 's', 'h']) expect(await names(viewer, term)).toEqual([found.userId])
    expect(await names(viewer, 'viewer')).toEqual([])
  })
})
