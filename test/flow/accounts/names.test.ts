import { describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const V2 = '/_matrix/client/v2_alpha'
const dummy = { type: 'm.login.dummy' }

const register = (homeserver: TestHomeserver, body: object, path = '/v3/register', query = {}) =>
  homeserver.client().request('POST', path, { body, query })
const errcodeOf = async (answer: ReturnType<typeof register>): Promise<unknown> => {
  const { status, body } = await answer
  return [status, body.errcode]
}

describe('reserved names', () => {
  const reservedUsernames = ['admin', 'irc_*', 'bot?']

  it('are refused before and after authentication, under every prefix, and said not to be available', async () => {
    await using homeserver = await startHomeserver({ settings: { registration: { reservedUsernames } } })
    for (const username of ['admin', 'ADMIN', 'irc_nick', 'irc_', 'bot7']) {
      for (const path of ['/v3/register', '/r0/register', `${V2}/register`]) {
        expect(await errcodeOf(register(homeserver, { username, password: 'pw' }, path))).toEqual([400, 'M_EXCLUSIVE'])
        const whole = { username, password: 'pw', auth: dummy }
        expect(await errcodeOf(register(homeserver, whole, path))).toEqual([400, 'M_EXCLUSIVE'])
      }
      const available = homeserver.client().request('GET', '/v3/register/available', { query: { username } })
      expect(await errcodeOf(available)).toEqual([400, 'M_EXCLUSIVE'])
    }
    for (const username of ['administrator', 'an_irc_nick', 'bot', 'bot42']) await homeserver.register(username)
  })

  it('are not given to guests and to those who choose none', async () => {
    const names = 'abcdefghijklmnopqrstuvwxyz'.replace('q', '')
    const registration = { guests: true, reservedUsernames: Array.from(names, (letter) => `${letter}*`) }
    await using homeserver = await startHomeserver({ settings: { registration } })
    for (const answer of [
      register(homeserver, {}, '/v3/register', { kind: 'guest' }),
      register(homeserver, { password: 'pw', auth: dummy }),
    ]) {
      const { status, body } = await answer
      expect(status === 200 ? body.user_id : body.errcode).toMatch(/^(?:@q.*|M_USER_IN_USE)$/)
    }
  })

  it('may be used by who knows the secret', async () => {
    const registration = { reservedUsernames, sharedSecret: 'secret' }
    await using homeserver = await startHomeserver({ settings: { registration } })
    const { createHmac } = await import('node:crypto')
    const { nonce } = await homeserver.client().get('/_synapse/admin/v1/register')
    const mac = createHmac('sha1', 'secret').update([nonce, 'admin', 'pw', 'notadmin'].join('\0')).digest('hex')
    const body = { nonce, username: 'admin', password: 'pw', mac }
    expect((await register(homeserver, body, '/_synapse/admin/v1/register')).body.user_id).toBe('@admin:localhost')
  })
})

onEveryHomeserver('a guest who wants a full account', (start) => {
  const begin = async (homeserver: TestHomeserver): Promise<{ guest: TestClient; name: string }> => {
    const guest = homeserver.client()
    const { body } = await register(homeserver, {}, '/v3/register', { kind: 'guest' })
    guest.accessToken = body.access_token
    guest.userId = body.user_id
    guest.deviceId = body.device_id
    return { guest, name: body.user_id.slice(1, body.user_id.indexOf(':')) }
  }
  const settings = { registration: { guests: true } }

  it('keeps user id, rooms and device, and loses the token of the guest', async () => {
    await using homeserver = await start({ settings })
    const host = await homeserver.register('host')
    const roomId = await host.createRoom({ preset: 'public_chat' })
    await host.setState(roomId, 'm.room.guest_access', '', { guest_access: 'can_join' })
    const { guest, name } = await begin(homeserver)
    await guest.join(roomId)
    const wish = { username: name, password: 'pw', guest_access_token: guest.accessToken }
    const question = await register(homeserver, wish)
    expect([question.status, question.body.flows]).toEqual([401, [{ stages: ['m.login.dummy'] }]])
    expect((await guest.get('/v3/account/whoami')).is_guest).toBe(true)
    const { status, body } = await register(homeserver, { auth: { ...dummy, session: question.body.session } })
    expect([status, body.user_id, body.device_id]).toEqual([200, guest.userId, guest.deviceId])
    expect((await guest.request('GET', '/v3/account/whoami')).status).toBe(401)
    guest.accessToken = body.access_token
    expect(await guest.get('/v3/account/whoami')).toEqual({
      user_id: guest.userId,
      device_id: guest.deviceId,
      is_guest: false,
    })
    expect((await guest.get('/v3/joined_rooms')).joined_rooms).toEqual([roomId])
    // What guests may not do.
    await guest.createRoom({})
    const other = homeserver.client()
    await other.login(name, { password: 'pw' })
    await other.post(`/v3/rooms/${enc(roomId)}/read_markers`, {})
    // Guests are sent out where they may not be any more; this one is none.
    await host.setState(roomId, 'm.room.guest_access', '', { guest_access: 'forbidden' })
    expect(Object.keys((await host.get(`/v3/rooms/${enc(roomId)}/joined_members`)).joined)).toContain(guest.userId)
  })

  it('may name another device, and then the old one is gone', async () => {
    await using homeserver = await start({ settings })
    const { guest, name } = await begin(homeserver)
    const wish = {
      username: name,
      password: 'pw',
      guest_access_token: guest.accessToken,
      device_id: 'NEW',
      auth: dummy,
    }
    const { body } = await register(homeserver, wish, `${V2}/register`)
    guest.accessToken = body.access_token
    expect((await guest.get('/v3/devices')).devices.map((device: { device_id: string }) => device.device_id)).toEqual([
      'NEW',
    ])
    const again = register(homeserver, { ...wish, guest_access_token: body.access_token })
    expect(await errcodeOf(again)).toEqual([403, 'M_FORBIDDEN'])
  })

  it('without being logged in has no token at all afterwards', async () => {
    await using homeserver = await start({ settings })
    const { guest, name } = await begin(homeserver)
    const wish = {
      username: name,
      password: 'pw',
      guest_access_token: guest.accessToken,
      inhibit_login: true,
      auth: dummy,
    }
    expect((await register(homeserver, wish)).body).toEqual({ user_id: guest.userId, home_server: 'localhost' })
    expect((await guest.request('GET', '/v3/account/whoami')).status).toBe(401)
    await homeserver.client().login(name, { password: 'pw' })
  })

  it('takes over nobody else', async () => {
    await using homeserver = await start({ settings })
    const [one, two] = [await begin(homeserver), await begin(homeserver)]
    const full = await homeserver.register('full')
    const wish = (username: string, token: unknown) =>
      errcodeOf(register(homeserver, { username, password: 'pw', guest_access_token: token, auth: dummy }))
    expect(await wish(one.name, two.guest.accessToken)).toEqual([403, 'M_FORBIDDEN'])
    expect(await wish('full', two.guest.accessToken)).toEqual([403, 'M_FORBIDDEN'])
    expect(await wish('full', full.accessToken)).toEqual([403, 'M_FORBIDDEN'])
    expect(await wish(one.name, 'nonsense')).toEqual([403, 'M_FORBIDDEN'])
    expect(await wish(one.name, undefined)).toEqual([400, 'M_USER_IN_USE'])
    expect(await wish(one.name, 7)).toEqual([400, 'M_BAD_JSON'])
    // The name of nobody is free to a guest as to anybody, and the guest stays one.
    expect(await wish('nobody', one.guest.accessToken)).toEqual([200, undefined])
    expect((await one.guest.get('/v3/account/whoami')).is_guest).toBe(true)
    // Two requests at once: one account, and one refusal.
    const both = await Promise.all([1, 2].map(() => wish(one.name, one.guest.accessToken)))
    expect(both.filter((outcome) => String(outcome).startsWith('200'))).toHaveLength(1)
  })
})
