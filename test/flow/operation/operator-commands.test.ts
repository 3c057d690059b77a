import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Json, PASSWORD, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, setPusher } from '../../support/other-servers/push-gateway.ts'
import { Program, run, startOnce, temporaryFolder } from './cli-fixture.ts'

/** Runs a command of the operator beside the running server. */
const command = (server: TestHomeserver, name: string, flags: readonly string[] = [], input = '') =>
  run([name, ...flags, '--data', server.dataFolder], { input })

const json = async (server: TestHomeserver, name: string, ...flags: readonly string[]): Promise<Json> => {
  const { code, stdout, stderr } = await command(server, name, [...flags, '--json'])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

/** A sync that waits for news, once the server has it. */
const waitingSync = async (client: TestClient) => {
  const { next_batch: since } = await client.sync({ set_presence: 'offline' })
  return client.request('GET', `/v3/sync?since=${since}&timeout=30000&set_presence=offline`)
}

onEveryHomeserver('commands of the operator while the server runs', (start) => {
  const shared = shareHomeserver(start, { settings: { push: { allowPrivateAddresses: true } } })

  it('list and show users, in words and with --json', async () => {
    const server = await shared()
    const alice = await server.register('list-alice')
    const { users } = await json(server, 'list-users')
    const found = users.find(({ user_id }: Json) => user_id === alice.userId)
    expect(found).toMatchObject({ admin: false, guest: false, locked_ts: null, deactivated_ts: null })
    expect((await command(server, 'list-users')).stdout.split('\n')).toContain(alice.userId)
    const shown = await json(server, 'show-user', '--user', 'list-alice')
    expect(shown).toMatchObject({ user_id: alice.userId, has_password: true, addresses: [], sign_in_providers: [] })
    expect(shown.devices).toEqual([expect.objectContaining({ device_id: alice.deviceId })])
    expect((await command(server, 'show-user', ['--user', alice.userId])).stdout).toContain(alice.deviceId)
    expect(await command(server, 'show-user', ['--user', 'nobody'])).toMatchObject({
      code: 1,
      stderr: 'homeroom: There is no such account\n',
    })
  })

  it('give the terminal no commands that people wrote into names', async () => {
    const server = await shared()
    const mallory = await server.register('mallory')
    const name = 'Attic\u001b]0;owned\u0007\u009b31m\n!forged:localhost  1000'
    const roomId = await mallory.createRoom({ name, topic: name })
    await mallory.put(`/v3/devices/${encodeURIComponent(mallory.deviceId)}`, { display_name: name })
    await mallory.post(`/v3/rooms/${encodeURIComponent(roomId)}/report`, { reason: name })
    for (const [command_, ...flags] of [
      ['rooms', 'list', '--search', 'attic'],
      ['rooms', 'show', roomId],
      ['show-user', '--user', 'mallory'],
      ['reports', 'list'],
    ] as const)
      for (const more of [[], ['--json']]) {
        const { code, stdout } = await command(server, command_, [...flags, ...more])
        expect([flags, code]).toEqual([flags, 0])
        expect(stdout).toContain('forged')
        expect(stdout, flags.join(' ')).not.toMatch(/[^\P{Cc}\n]/u)
        expect(stdout, flags.join(' ')).not.toMatch(/^!forged/m)
      }
    const { stdout: reports } = await command(server, 'reports', ['list'])
    expect(reports).toMatch(
      new RegExp(
        `^\\d+ {2}\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d {2}@mallory:localhost {2}${RegExp.escape(roomId)} {2}Attic`,
        'm',
      ),
    )
    const shown = await run(['rooms', 'show', roomId, '--json', '--data', server.dataFolder], { input: '' })
    expect(JSON.parse(shown.stdout).name).toBe(name)
  })

  it('end sessions, and a waiting long poll answers 401 within a second or so', async () => {
    const server = await shared()
    const alice = await server.register('ended')
    const phone = server.client()
    await phone.login(alice.userId)
    const phoneWaits = waitingSync(phone)
    expect(await json(server, 'end-sessions', '--user', 'ended', '--device', phone.deviceId)).toMatchObject({
      devices: [phone.deviceId],
    })
    expect(await phoneWaits).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: false } })
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
    // Only now: that a device of hers is gone is news for her.
    const waiting = waitingSync(alice)
    expect(await json(server, 'end-sessions', '--user', 'ended')).toMatchObject({ devices: [alice.deviceId] })
    const told = performance.now()
    expect(await waiting).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
    expect(performance.now() - told).toBeLessThan(2_000)
  })

  it('lock users: M_USER_LOCKED with soft_logout in every path but logout, and everything is back when they are unlocked', async () => {
    const server = await shared()
    const alice = await server.register('locked')
    const refreshing = server.client()
    const { refresh_token } = await refreshing.post('/v3/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'locked' },
      password: PASSWORD,
      refresh_token: true,
    })
    const roomId = await alice.createRoom()
    const { access_token: openId } = await alice.post(`/v3/user/${alice.userId}/openid/request_token`, {})
    const password = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'locked' }, password: PASSWORD }
    const { login_token } = await (async () => {
      const { session } = (await alice.request('POST', '/v1/login/get_token', { body: {} })).body
      return alice.post('/v1/login/get_token', { auth: { ...password, session } })
    })()
    const waiting = waitingSync(alice)
    expect((await command(server, 'lock-user', ['--user', 'locked'])).stdout).toBe(`${alice.userId} is locked.\n`)
    const locked = { status: 401, body: { errcode: 'M_USER_LOCKED', soft_logout: true } }
    expect(await waiting).toMatchObject(locked)
    for (const [method, path, body] of [
      ['GET', '/v3/sync'],
      ['GET', '/v3/account/whoami'],
      ['PUT', `/v3/rooms/${roomId}/send/m.room.message/1`, { msgtype: 'm.text', body: 'x' }],
      ['GET', '/v1/media/config'],
      ['POST', '/v3/account/password', { new_password: 'another one', auth: password }],
      ['POST', '/v3/account/deactivate', { auth: password }],
    ] as const) {
      expect(await alice.request(method, path, body === undefined ? {} : { body }), path).toMatchObject(locked)
    }
    const stranger = server.client()
    for (const [path, body] of [
      ['/v3/login', password],
      ['/v3/login', { ...password, password: 'wrong' }],
      ['/v3/login', { type: 'm.login.token', token: login_token }],
      ['/v3/refresh', { refresh_token }],
      ['/v3/account/password', { new_password: 'another one', auth: password }],
      ['/v3/account/deactivate', { auth: password }],
    ] as const) {
      const isWrong = 'password' in body && body.password === 'wrong'
      expect(await stranger.request('POST', path, { body }), path).toMatchObject(isWrong ? { status: 403 } : locked)
    }
    const userinfo = await fetch(`${server.url}/_matrix/federation/v1/openid/userinfo?access_token=${openId}`)
    expect(userinfo.status).toBe(401)
    expect((await json(server, 'show-user', '--user', 'locked')).locked_ts).toBeGreaterThan(0)

    expect((await command(server, 'unlock-user', ['--user', 'locked'])).code).toBe(0)
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
    expect((await alice.get('/v3/joined_rooms')).joined_rooms).toEqual([roomId])
    expect((await stranger.request('POST', '/v3/refresh', { body: { refresh_token } })).status).toBe(200)

    await command(server, 'lock-user', ['--user', 'locked'])
    expect((await alice.request('POST', '/v3/logout', { body: {} })).status).toBe(200)
    expect(await alice.request('GET', '/v3/account/whoami')).toMatchObject({
      status: 401,
      body: { errcode: 'M_UNKNOWN_TOKEN' },
    })
  })

  it('lock users: nothing is pushed to their devices until they are unlocked', async () => {
    const server = await shared()
    await using gateway = await PushGateway.start()
    await using others = await PushGateway.start()
    const [alice, bob] = [await server.register('quiet'), await server.register('talks')]
    const carol = await server.register('hears')
    const roomId = await bob.createRoom({ preset: 'public_chat' })
    for (const one of [alice, carol]) await one.join(roomId)
    await setPusher(alice, pusherOf(gateway.url))
    await setPusher(carol, { ...pusherOf(others.url), pushkey: 'another' })
    const before = await bob.sendText(roomId, 'before')
    for (const one of [gateway, others]) expect((await one.next()).event_id).toBe(before)
    await command(server, 'lock-user', ['--user', 'quiet'])
    const meanwhile = await bob.sendText(roomId, 'meanwhile')
    expect((await others.next()).event_id).toBe(meanwhile)
    await command(server, 'unlock-user', ['--user', 'quiet'])
    const after = await bob.sendText(roomId, 'after')
    expect((await gateway.next()).event_id).toBe(after)
  })

  it('deactivate users with all that the endpoint does', async () => {
    const server = await shared()
    const [alice, bob] = [await server.register('gone'), await server.register('stays')]
    const roomId = await bob.createRoom({ preset: 'public_chat' })
    await alice.join(roomId)
    const waiting = waitingSync(alice)
    expect(await json(server, 'deactivate-user', '--user', 'gone', '--erase')).toMatchObject({
      user_id: alice.userId,
      id_server_unbind_result: 'success',
    })
    expect((await waiting).status).toBe(401)
    const membership = () => bob.get(`/v3/rooms/${roomId}/state/m.room.member/${encodeURIComponent(alice.userId)}`)
    await expect.poll(async () => (await membership()).membership).toBe('leave')
    const password = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'gone' }, password: PASSWORD }
    expect((await server.client().request('POST', '/v3/login', { body: password })).status).toBe(403)
    expect(await json(server, 'show-user', '--user', 'gone')).toMatchObject({
      deactivated_ts: expect.any(Number),
      erased: true,
      has_password: false,
      devices: [],
    })
    expect(await command(server, 'lock-user', ['--user', 'gone'])).toMatchObject({
      code: 1,
      stderr: 'homeroom: This account has been deactivated\n',
    })
  })

  it('set passwords and admin rights, which the running server knows at once', async () => {
    const server = await shared()
    const alice = await server.register('changed')
    const waiting = waitingSync(alice)
    const set = ['--user', 'changed']
    expect((await command(server, 'set-password', set, 'a new password\n')).stdout).toContain('has a new password')
    expect((await waiting).status).toBe(401)
    const login = (password: string) =>
      server.client().request('POST', '/v3/login', {
        body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'changed' }, password },
      })
    expect((await login(PASSWORD)).status).toBe(403)
    const again = await login('a new password')
    expect(again.status).toBe(200)
    const keeping = [...set, '--keep-sessions']
    expect((await command(server, 'set-password', keeping, 'another password\n')).code).toBe(0)
    const client = Object.assign(server.client(), { accessToken: again.body.access_token })
    expect((await client.request('GET', '/v3/account/whoami')).status).toBe(200)

    expect(await json(server, 'grant-admin', ...set)).toEqual({ user_id: alice.userId, admin: true })
    expect((await json(server, 'show-user', ...set)).admin).toBe(true)
    expect(await json(server, 'revoke-admin', ...set)).toEqual({ user_id: alice.userId, admin: false })
    expect((await json(server, 'show-user', ...set)).admin).toBe(false)
  })

  it('make, list and revoke registration tokens', async () => {
    const server = await shared()
    const made = await json(server, 'create-registration-token', '--token', 'tea', '--uses', '3', '--days', '2')
    expect(made).toEqual({ token: 'tea', uses: 0, uses_allowed: 3, expires_ts: expect.any(Number) })
    expect((await json(server, 'list-registration-tokens')).tokens).toEqual([made])
    expect((await command(server, 'list-registration-tokens')).stdout).toMatch(/^tea used 0 of 3 times, until 2/)
    const isValid = async () =>
      (await server.client().get('/v1/register/m.login.registration_token/validity?token=tea')).valid
    expect(await isValid()).toBe(true)
    expect(await json(server, 'revoke-registration-token', '--token', 'tea')).toEqual({ token: 'tea' })
    expect(await isValid()).toBe(false)
    expect((await command(server, 'revoke-registration-token', ['--token', 'tea'])).stderr).toBe(
      'homeroom: There is no such registration token\n',
    )
  })

  it('make accounts, with --json too', async () => {
    const server = await shared()
    const { code, stdout } = await command(
      server,
      'create-user',
      ['--user', 'made', '--admin', '--json'],
      'a password\n',
    )
    expect([code, JSON.parse(stdout)]).toEqual([0, { user_id: '@made:localhost', admin: true }])
    expect((await json(server, 'show-user', '--user', 'made')).admin).toBe(true)
    expect(await command(server, 'create-user', ['--user', 'short'], '1\n')).toMatchObject({ code: 0 })
  })
})

describe('commands of the operator while no server runs', () => {
  it('do the same, and end with the rooms left', async () => {
    using folder = temporaryFolder()
    const data = ['--data', folder.path]
    let roomId = ''
    let bob: TestClient
    {
      await using program = new Program(['start', '--port', '0', '--no-rate-limit', ...data])
      const address = await program.address()
      const alice = new TestClient(address)
      await alice.register('alice')
      bob = new TestClient(address)
      await bob.register('bob')
      roomId = await bob.createRoom({ preset: 'public_chat' })
      await alice.join(roomId)
      program.process.kill('SIGTERM')
      await program.finished
    }
    expect(await run(['deactivate-user', '--user', 'alice', ...data])).toMatchObject({
      code: 0,
      stdout: 'Deactivated @alice:localhost.\n',
      stderr: '',
    })
    expect((await run(['list-users', ...data])).stdout).toBe('@alice:localhost deactivated\n@bob:localhost\n')
    await using program = new Program(['start', '--port', '0', ...data])
    const client = Object.assign(new TestClient(await program.address()), { accessToken: bob.accessToken })
    const path = `/v3/rooms/${roomId}/state/m.room.member/@alice:localhost`
    expect((await client.get(path)).membership).toBe('leave')
  })

  it('leave a socket of a killed server aside', async () => {
    using folder = temporaryFolder()
    {
      await using program = new Program(['start', '--port', '0', '--data', folder.path])
      await program.address()
    }
    expect(readdirSync(folder.path)).toContain('operator.sock')
    expect(await run(['list-users', '--data', folder.path])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })

  it('are refused in a folder of another server, and change nothing there', async () => {
    using folder = temporaryFolder()
    await startOnce('--data', folder.path)
    const before = readdirSync(folder.path).toSorted()
    expect((await run(['list-users', '--data', folder.path, '--server-name', 'example.org'])).code).toBe(78)
    const elsewhere = join(folder.path, 'elsewhere')
    mkdirSync(elsewhere)
    const database = ['--database', `sqlite:${join(folder.path, 'homeroom.sqlite')}`]
    expect(await run(['list-users', '--data', elsewhere, ...database])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining(`No server was started with the data folder ${elsewhere}`),
    })
    expect(readdirSync(elsewhere)).toEqual([])
    expect(readdirSync(folder.path).toSorted()).toEqual([...before, 'elsewhere'].toSorted())
  })
})

describe("the operator's channel", () => {
  let server: TestHomeserver | undefined
  afterAll(() => server?.stop())

  it('can be opened by the user of the server alone, and serves no port', async () => {
    server = await startHomeserver()
    expect(statSync(join(server.dataFolder, 'operator.sock')).mode & 0o777).toBe(0o600)
    for (const path of ['/list-users', '/server', '/set-admin']) {
      expect((await fetch(`${server.url}${path}`, { method: 'POST', body: '{}' })).status).toBe(404)
    }
    expect(await command(server, 'list-users', ['--server-name', 'example.org'])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('belongs to the server localhost'),
    })
  })

  it('works for a data folder with a long path', async () => {
    using folder = temporaryFolder()
    const long = join(folder.path, 'a'.repeat(120))
    await using program = new Program(['start', '--port', '0', '--data', long])
    await program.address()
    expect(await run(['list-users', '--data', long])).toMatchObject({ code: 0, stderr: '' })
  })

  it.skipIf(process.getuid?.() === 0)('says so where it belongs to another user', async () => {
    using folder = temporaryFolder()
    await using program = new Program(['start', '--port', '0', '--data', folder.path])
    await program.address()
    chmodSync(join(folder.path, 'operator.sock'), 0)
    expect((await run(['list-users', '--data', folder.path])).stderr).toContain('belongs to another user')
  })
})
