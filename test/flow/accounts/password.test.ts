import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
beforeAll(async () => {
  homeserver = await startHomeserver({ settings: { passwords: { minLength: 3 } } })
})
afterAll(() => homeserver.stop())

const passwordOf = (client: TestClient, password = PASSWORD) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: client.userId },
  password,
})
const isAlive = async (client: TestClient): Promise<boolean> =>
  (await client.request('GET', '/v3/account/whoami')).status === 200
const loginStatus = async (client: TestClient, password: string): Promise<unknown> => {
  const { status, body } = await client.request('POST', '/v3/login', {
    body: passwordOf(client, password),
    token: null,
  })
  return body.errcode ?? status
}

describe('a new password', () => {
  const change = (client: TestClient, body: object, token?: null) =>
    client.request('POST', '/v3/account/password', token === null ? { body, token } : { body })

  it('takes the place of the old one and ends all other sessions', async () => {
    const client = await homeserver.register('changer')
    const other = await client.loginAgain()
    const { status, body } = await change(client, { new_password: 'new one', auth: passwordOf(client) })
    expect([status, body]).toEqual([200, {}])
    expect([await loginStatus(client, PASSWORD), await loginStatus(client, 'new one')]).toEqual(['M_FORBIDDEN', 200])
    expect([await isAlive(client), await isAlive(other)]).toEqual([true, false])
  })

  it('leaves the other sessions where it is told to', async () => {
    const client = await homeserver.register('keeper')
    const other = await client.loginAgain()
    const { session } = (await change(client, { new_password: 'new one', logout_devices: false })).body
    await change(client, { auth: { ...passwordOf(client), session } })
    expect(await isAlive(other)).toBe(true)
    expect(await loginStatus(client, 'new one')).toBe(200)
  })

  it('can be set without an access token, by who knows the old one, and ends every session', async () => {
    const client = await homeserver.register('tokenless')
    expect((await change(client, { new_password: 'new one' }, null)).status).toBe(401)
    const { status } = await change(client, { new_password: 'new one', auth: passwordOf(client) }, null)
    expect([status, await isAlive(client), await loginStatus(client, 'new one')]).toEqual([200, false, 200])
  })

  it('must be good, and the old one right', async () => {
    const client = await homeserver.register('careful')
    const errcodeOf = async (body: object) => (await change(client, body)).body.errcode
    expect(await errcodeOf({ new_password: 'ab' })).toBe('M_WEAK_PASSWORD')
    expect(await errcodeOf({ new_password: 'x'.repeat(513) })).toBe('M_INVALID_PARAM')
    expect(await errcodeOf({ new_password: 5 })).toBe('M_BAD_JSON')
    expect(await errcodeOf({ auth: passwordOf(client) })).toBe('M_MISSING_PARAM')
    expect(await errcodeOf({ new_password: 'fine', auth: passwordOf(client, 'wrong') })).toBe('M_FORBIDDEN')
    expect(await errcodeOf({ new_password: 'fine', auth: { type: 'm.login.dummy' } })).toBe('M_FORBIDDEN')
    const unknown = await client.request('POST', '/v3/account/password', { body: {}, token: 'unknown' })
    expect(unknown.body.errcode).toBe('M_UNKNOWN_TOKEN')
    expect(await loginStatus(client, PASSWORD)).toBe(200)
  })
})

describe('deactivation', () => {
  const deactivate = (client: TestClient, body: object, token?: null) =>
    client.request('POST', '/v3/account/deactivate', token === null ? { body, token } : { body })

  it('ends the account for good', async () => {
    const client = await homeserver.register('gone')
    const other = await client.loginAgain({ refresh_token: true })
    const asked = await deactivate(client, {})
    expect([asked.status, asked.body.flows]).toEqual([401, [{ stages: ['m.login.password'] }]])
    const wrong = await deactivate(client, { auth: passwordOf(client, 'wrong') })
    expect([wrong.status, wrong.body.errcode, wrong.body.completed]).toEqual([401, 'M_FORBIDDEN', []])
    const done = await deactivate(client, { erase: true, auth: passwordOf(client) })
    expect([done.status, done.body]).toEqual([200, { id_server_unbind_result: 'success' }])

    expect([await isAlive(client), await isAlive(other)]).toEqual([false, false])
    // Whoever tries to log in learns no more of it than of an account that never was.
    const body = { type: 'm.login.password', user: 'gone', password: PASSWORD }
    const left = await client.request('POST', '/v3/login', { body, token: null })
    const never = await client.request('POST', '/v3/login', { body: { ...body, user: 'never' }, token: null })
    expect([left.status, left.body]).toEqual([403, never.body])
    const refreshed = await client.request('POST', '/v3/refresh', { body: { refresh_token: other.refreshToken } })
    expect(refreshed.body.errcode).toBe('M_UNKNOWN_TOKEN')
    const again = await client.request('POST', '/v3/register', {
      body: { username: 'gone', password: 'new' },
      token: null,
    })
    expect(again.body.errcode).toBe('M_USER_IN_USE')
  })

  it('leaves all rooms', async () => {
    const [client, friend] = [await homeserver.register('member'), await homeserver.register('friend')]
    const roomId = await client.createRoom({ preset: 'public_chat' })
    await friend.join(roomId)
    const since = (await friend.sync()).next_batch
    await deactivate(client, { auth: passwordOf(client) })
    const hasLeft = (sync: { rooms?: { join?: Record<string, { timeline: { events: object[] } }> } }) =>
      JSON.stringify(sync.rooms?.join?.[roomId]?.timeline.events ?? []).includes('"membership":"leave"')
    await friend.syncUntil(since, hasLeft)
    const members = await friend.get(`/v3/rooms/${encodeURIComponent(roomId)}/joined_members`)
    expect(Object.keys(members.joined)).toEqual([friend.userId])
  })

  it('takes back knocks and refuses invites, and ends no ban', async () => {
    const [client, friend] = [await homeserver.register('asking'), await homeserver.register('asked')]
    const knock = { type: 'm.room.join_rules', content: { join_rule: 'knock' } }
    const rooms = {
      invite: await friend.createRoom({ invite: [client.userId] }),
      knock: await friend.createRoom({ initial_state: [knock] }),
      ban: await friend.createRoom(),
    }
    await client.post(`/v3/knock/${encodeURIComponent(rooms.knock)}`)
    await friend.ban(rooms.ban, client.userId)
    const memberships = async () => {
      const found: string[] = []
      for (const roomId of Object.values(rooms))
        found.push((await friend.getState(roomId, 'm.room.member', client.userId)).membership)
      return found
    }
    expect(await memberships()).toEqual(['invite', 'knock', 'ban'])
    await deactivate(client, { auth: passwordOf(client) })
    await expect.poll(memberships).toEqual(['leave', 'leave', 'ban'])
  })

  it('can be done without a token, once', async () => {
    const client = await homeserver.register('quitter')
    const { status } = await deactivate(client, { auth: passwordOf(client) }, null)
    expect([status, await isAlive(client)]).toEqual([200, false])
    const other = await deactivate(client, { auth: passwordOf(client) }, null)
    expect([other.status, other.body.errcode]).toEqual([401, 'M_FORBIDDEN'])
  })
})
