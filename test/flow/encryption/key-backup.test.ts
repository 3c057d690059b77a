import { expect, it } from 'vitest'
import type { Answer, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const ALGORITHM = 'm.megolm_backup.v1.curve25519-aes-sha2'
const AUTH_DATA = { public_key: 'abcdefg', signatures: { something: { 'ed25519:something': 'hijklmnop' } } }
const ROOM = '!room:example.org'
const enc = encodeURIComponent

const key = (over: Json = {}): Json => ({
  first_message_index: 1,
  forwarded_count: 0,
  is_verified: false,
  session_data: { ciphertext: 'x', ephemeral: 'y', mac: 'z' },
  ...over,
})

const create = async (client: TestClient): Promise<string> =>
  (await client.post('/v3/room_keys/version', { algorithm: ALGORITHM, auth_data: AUTH_DATA })).version

const ask = (client: TestClient, method: string, path: string, version: string, body?: Json): Promise<Answer> =>
  client.request(method, `/v3/room_keys/keys${path}`, { query: { version }, ...(body === undefined ? {} : { body }) })

const pathOf = (room: string, session?: string): string =>
  `/${enc(room)}${session === undefined ? '' : `/${enc(session)}`}`

onEveryHomeserver('versions of key backups', (start) => {
  const homeserver = shareHomeserver(start)
  const register = async () => (await homeserver()).register('alice')

  it('count up as decimal strings, are never reused, and the newest is the current one', async () => {
    const alice = await register()
    const none = await alice.request('GET', '/v3/room_keys/version')
    expect([none.status, none.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    expect(await create(alice)).toBe('1')
    expect(await create(alice)).toBe('2')
    const second = { algorithm: ALGORITHM, auth_data: AUTH_DATA, version: '2', etag: expect.any(String), count: 0 }
    expect(await alice.get('/v3/room_keys/version')).toEqual(second)
    expect((await alice.get('/v3/room_keys/version/1')).version).toBe('1')
    await alice.delete('/v3/room_keys/version/2')
    // A deleted latest: the one before it becomes current.
    expect((await alice.get('/v3/room_keys/version')).version).toBe('1')
    expect((await alice.request('GET', '/v3/room_keys/version/2')).status).toBe(404)
    expect(await create(alice)).toBe('3')
    for (const version of ['1', '3']) await alice.delete(`/v3/room_keys/version/${version}`)
    expect((await alice.request('GET', '/v3/room_keys/version')).status).toBe(404)
    expect(await create(alice)).toBe('4')
  })

  it('are deleted with their keys, again without an error, and those that never were are not there', async () => {
    const alice = await register()
    const version = await create(alice)
    await ask(alice, 'PUT', pathOf(ROOM, 's'), version, key())
    const remove = (named: string) => alice.request('DELETE', `/v3/room_keys/version/${named}`)
    expect((await remove(version)).status).toBe(200)
    expect((await remove(version)).status).toBe(200)
    for (const unknown of ['2', '0', 'x', '-1']) expect((await remove(unknown)).status).toBe(404)
    expect((await ask(alice, 'GET', pathOf(ROOM, 's'), version)).status).toBe(404)
    const next = await create(alice)
    expect((await ask(alice, 'GET', '', next)).body).toEqual({ rooms: {} })
  })

  it('take new auth_data of the same algorithm only', async () => {
    const alice = await register()
    const version = await create(alice)
    const path = `/v3/room_keys/version/${version}`
    const change = (body: Json, to = path) => alice.request('PUT', to, { body })
    const auth_data = { public_key: 'other' }
    expect((await change({ algorithm: ALGORITHM, auth_data, version })).status).toBe(200)
    expect((await alice.get(path)).auth_data).toEqual(auth_data)
    expect((await change({ algorithm: ALGORITHM, auth_data })).status).toBe(200)
    for (const body of [
      { algorithm: 'm.other', auth_data: {} },
      { algorithm: ALGORITHM, auth_data: {}, version: '99' },
    ])
      expect((await change(body)).body.errcode).toBe('M_INVALID_PARAM')
    expect((await change({ algorithm: ALGORITHM, auth_data: [] })).body.errcode).toBe('M_BAD_JSON')
    expect((await change({ auth_data: {} })).body.errcode).toBe('M_MISSING_PARAM')
    expect((await alice.get(path)).auth_data).toEqual(auth_data)
    expect((await change({ algorithm: ALGORITHM, auth_data }, '/v3/room_keys/version/99')).status).toBe(404)
  })

  it('are those of their user', async () => {
    const [alice, bob] = [await register(), await register()]
    const version = await create(alice)
    await ask(alice, 'PUT', pathOf(ROOM, 's'), version, key())
    expect((await bob.request('GET', `/v3/room_keys/version/${version}`)).status).toBe(404)
    expect((await ask(bob, 'GET', pathOf(ROOM, 's'), version)).status).toBe(404)
    expect((await ask(bob, 'PUT', pathOf(ROOM, 's'), version, key())).status).toBe(404)
    expect((await ask(bob, 'DELETE', '', version)).status).toBe(404)
    await create(bob)
    expect((await ask(bob, 'GET', '', version)).body).toEqual({ rooms: {} })
    expect((await alice.loginAgain().then((tablet) => ask(tablet, 'GET', '', version))).body.rooms[ROOM]).toBeDefined()
  })

  it('are at most 100', async () => {
    const alice = await register()
    for (let count = 0; count < 100; count++) await create(alice)
    const body = { algorithm: ALGORITHM, auth_data: {} }
    expect((await alice.request('POST', '/v3/room_keys/version', { body })).body.errcode).toBe('M_FORBIDDEN')
    await alice.delete('/v3/room_keys/version/1')
    expect(await create(alice)).toBe('101')
  })
})

onEveryHomeserver('keys in a backup', (start) => {
  const homeserver = shareHomeserver(start)
  const withBackup = async (): Promise<readonly [TestClient, string]> => {
    const alice = await (await homeserver()).register('alice')
    return [alice, await create(alice)]
  }

  it('are stored and read one by one, by room and all together', async () => {
    const [alice, version] = await withBackup()
    const [one, two, three] = [key({ first_message_index: 5 }), key({ is_verified: true }), key()]
    const other = '!other:example.org'
    expect((await ask(alice, 'PUT', pathOf(ROOM, 's/1'), version, one)).body).toEqual({ etag: '1', count: 1 })
    const ofRoom = { sessions: { s2: two } }
    expect((await ask(alice, 'PUT', pathOf(ROOM), version, ofRoom)).body).toEqual({ etag: '2', count: 2 })
    const rooms = { [other]: { sessions: { 's/1': three } }, [ROOM]: { sessions: {} } }
    expect((await ask(alice, 'PUT', '', version, { rooms })).body).toEqual({ etag: '3', count: 3 })
    expect((await ask(alice, 'GET', pathOf(ROOM, 's/1'), version)).body).toEqual(one)
    expect((await ask(alice, 'GET', pathOf(ROOM), version)).body).toEqual({ sessions: { 's/1': one, s2: two } })
    expect((await ask(alice, 'GET', '', version)).body).toEqual({
      rooms: { [ROOM]: { sessions: { 's/1': one, s2: two } }, [other]: { sessions: { 's/1': three } } },
    })
    expect(await alice.get('/v3/room_keys/version')).toMatchObject({ etag: '3', count: 3 })
  })

  it('that are not there are 404 alone, and nothing among others', async () => {
    const [alice, version] = await withBackup()
    expect((await ask(alice, 'GET', pathOf(ROOM, 'none'), version)).body.errcode).toBe('M_NOT_FOUND')
    expect((await ask(alice, 'GET', pathOf(ROOM), version)).body).toEqual({ sessions: {} })
    expect((await ask(alice, 'GET', '', version)).body).toEqual({ rooms: {} })
    for (const path of ['', pathOf(ROOM), pathOf(ROOM, 's')])
      expect((await ask(alice, 'GET', path, '99')).body.errcode).toBe('M_NOT_FOUND')
    expect((await alice.request('GET', '/v3/room_keys/keys')).body.errcode).toBe('M_MISSING_PARAM')
  })

  it('go one by one, by room and all together, each time with the new etag and count', async () => {
    const [alice, version] = await withBackup()
    const sessions = { a: key(), b: key() }
    const rooms = { [ROOM]: { sessions }, '!two:x.org': { sessions }, '!three:x.org': { sessions } }
    const { etag } = (await ask(alice, 'PUT', '', version, { rooms })).body
    const one = (await ask(alice, 'DELETE', pathOf(ROOM, 'a'), version)).body
    expect([one.count, one.etag === etag]).toEqual([5, false])
    // Nothing was there any more: the etag stays.
    expect((await ask(alice, 'DELETE', pathOf(ROOM, 'a'), version)).body).toEqual(one)
    const room = (await ask(alice, 'DELETE', pathOf('!two:x.org'), version)).body
    expect([room.count, room.etag === one.etag]).toEqual([3, false])
    const all = (await ask(alice, 'DELETE', '', version)).body
    expect([all.count, all.etag === room.etag]).toEqual([0, false])
    expect((await ask(alice, 'GET', '', version)).body).toEqual({ rooms: {} })
    for (const path of ['', pathOf(ROOM), pathOf(ROOM, 's')])
      expect((await ask(alice, 'DELETE', path, '99')).body.errcode).toBe('M_NOT_FOUND')
  })

  it('for a version that is not the current one are refused with M_WRONG_ROOM_KEYS_VERSION and the current one', async () => {
    const [alice, first] = await withBackup()
    await ask(alice, 'PUT', pathOf(ROOM, 's'), first, key())
    const second = await create(alice)
    const bodies = { '': { rooms: {} }, [pathOf(ROOM)]: { sessions: {} }, [pathOf(ROOM, 's')]: key() }
    for (const [path, body] of Object.entries(bodies)) {
      const refused = await ask(alice, 'PUT', path, first, body)
      expect(refused).toMatchObject({
        status: 403,
        body: { errcode: 'M_WRONG_ROOM_KEYS_VERSION', current_version: second },
      })
      expect((await ask(alice, 'PUT', path, '99', body)).body.errcode).toBe('M_NOT_FOUND')
    }
    // An old one can still be read and cleared.
    expect((await ask(alice, 'GET', pathOf(ROOM, 's'), first)).status).toBe(200)
    expect((await ask(alice, 'DELETE', pathOf(ROOM, 's'), first)).body.count).toBe(0)
  })

  it('that are none are refused, and nothing of their request is stored', async () => {
    const [alice, version] = await withBackup()
    const wrong = [
      key({ first_message_index: '1' }),
      key({ first_message_index: -1 }),
      key({ forwarded_count: 1.5 }),
      key({ is_verified: 1 }),
      key({ session_data: 'x' }),
    ]
    for (const one of wrong) {
      expect((await ask(alice, 'PUT', pathOf(ROOM, 's'), version, one)).body.errcode).toBe('M_BAD_JSON')
      const rooms = { [ROOM]: { sessions: { good: key(), s: one } } }
      expect((await ask(alice, 'PUT', '', version, { rooms })).body.errcode).toBe('M_BAD_JSON')
    }
    const { session_data: _, ...incomplete } = key()
    expect((await ask(alice, 'PUT', pathOf(ROOM, 's'), version, incomplete)).body.errcode).toBe('M_MISSING_PARAM')
    const rooms = { [ROOM]: { sessions: { good: key() } }, 'no room': { sessions: { s: key() } } }
    expect((await ask(alice, 'PUT', '', version, { rooms })).body.errcode).toBe('M_INVALID_PARAM')
    expect(await alice.get('/v3/room_keys/version')).toMatchObject({ etag: '0', count: 0 })
  })

  it('of 10,000 sessions come in one request and go in one, in slices between which others are served', async () => {
    const [alice, version] = await withBackup()
    const bob = await (await homeserver()).register('bob')
    const data = { ciphertext: 'c'.repeat(500), ephemeral: 'e'.repeat(43), mac: 'm'.repeat(11) }
    const sessions = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`s${index}`, key({ session_data: data })]),
    )
    const storing = ask(alice, 'PUT', pathOf(ROOM), version, { sessions })
    let served = 0
    let done = false
    void storing.then(() => {
      done = true
    })
    while (!done) {
      await bob.put(`/v3/user/${bob.userId}/account_data/m.count`, { served })
      served++
    }
    const { body } = await storing
    expect(body.count).toBe(10_000)
    expect(served).toBeGreaterThan(5)
    expect(await alice.get('/v3/room_keys/version')).toMatchObject(body)
    // The same again changes nothing.
    expect((await ask(alice, 'PUT', pathOf(ROOM), version, { sessions })).body).toEqual(body)
    const read = (await ask(alice, 'GET', '', version)).body.rooms[ROOM].sessions
    expect(Object.keys(read)).toHaveLength(10_000)
    // The pieces in which it is read are full to the last.
    expect((await ask(alice, 'GET', pathOf(ROOM), version)).body.sessions).toEqual(read)
    expect((await ask(alice, 'DELETE', '', version)).body.count).toBe(0)
  }, 60_000)
})

onEveryHomeserver('a key backup', (start) => {
  it('takes keys up to its size', async () => {
    await using homeserver = await start({ settings: { encryption: { backupSize: '10KiB' } } })
    const alice = await homeserver.register('alice')
    const version = await create(alice)
    const large = key({ session_data: { ciphertext: 'x'.repeat(6_000) } })
    expect((await ask(alice, 'PUT', pathOf(ROOM, 'a'), version, large)).status).toBe(200)
    const full = await ask(alice, 'PUT', pathOf(ROOM, 'b'), version, large)
    expect([full.status, full.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
    await ask(alice, 'DELETE', pathOf(ROOM, 'a'), version)
    expect((await ask(alice, 'PUT', pathOf(ROOM, 'b'), version, large)).status).toBe(200)
  })

  it('is there after a restart', async () => {
    await using homeserver = await start()
    const alice = await homeserver.register('alice')
    const version = await create(alice)
    const stored = (await ask(alice, 'PUT', pathOf(ROOM, 'a'), version, key())).body
    await homeserver.restart()
    expect(await alice.get('/v3/room_keys/version')).toMatchObject({ version, ...stored })
    expect((await ask(alice, 'GET', pathOf(ROOM, 'a'), version)).body).toEqual(key())
  })
})
