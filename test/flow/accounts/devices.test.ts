import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const clock = new SteppedClock()
let homeserver: TestHomeserver
beforeAll(async () => {
  homeserver = await startHomeserver({ clock })
})
afterAll(() => homeserver.stop())

const passwordOf = (client: TestClient, password = PASSWORD) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: client.userId },
  password,
})
const remove = (client: TestClient, deviceId: string, body?: object) =>
  client.request('DELETE', `/v3/devices/${encodeURIComponent(deviceId)}`, body === undefined ? {} : { body })
const idsOf = async (client: TestClient): Promise<string[]> =>
  (await client.get('/v3/devices')).devices.map((device: { device_id: string }) => device.device_id)

describe('devices', () => {
  it('are listed with where they were last seen', async () => {
    const client = await homeserver.register('lister')
    await client.loginAgain({ device_id: 'two', initial_device_display_name: 'Second' })
    const { devices } = await client.get('/v3/devices')
    expect(devices).toEqual([
      { device_id: client.deviceId, last_seen_ip: '127.0.0.1', last_seen_ts: expect.any(Number) },
      { device_id: 'two', display_name: 'Second', last_seen_ip: '127.0.0.1', last_seen_ts: expect.any(Number) },
    ])
  })

  it('show later requests, before and after a restart', async () => {
    const client = await homeserver.register('seen')
    const seenAt = async () => (await client.get(`/v3/devices/${client.deviceId}`)).last_seen_ts
    const before = await seenAt()
    clock.advance(120_000)
    const after = await seenAt()
    expect(after).toBeGreaterThanOrEqual(before + 120_000)
    await homeserver.restart()
    expect(await seenAt()).toBeGreaterThanOrEqual(after)
  })

  it('get names', async () => {
    const client = await homeserver.register('namer')
    const path = `/v3/devices/${client.deviceId}`
    const rename = (display_name: unknown) => client.request('PUT', path, { body: { display_name } })
    await client.put(path, { display_name: 'Kitchen\0 ' })
    expect((await rename('Kitchen \ud800')).body.errcode).toBe('M_BAD_JSON')
    expect((await client.get(path)).display_name).toBe('Kitchen ')
    await client.put(path, {})
    expect((await client.get(path)).display_name).toBe('Kitchen ')
    expect((await rename('x'.repeat(256))).status).toBe(200)
    expect((await client.get(path)).display_name).toBe('x'.repeat(256))
    expect([(await rename('x'.repeat(257))).body.errcode, (await rename(3)).body.errcode]).toEqual([
      'M_TOO_LARGE',
      'M_BAD_JSON',
    ])
  })

  it('of others, and such as never were, are not there', async () => {
    const [client, other] = [await homeserver.register('mine'), await homeserver.register('theirs')]
    for (const id of [other.deviceId, 'unknown_device', 'x'.repeat(300), 'a\nb']) {
      const path = `/v3/devices/${encodeURIComponent(id)}`
      expect((await client.request('GET', path)).body.errcode).toBe('M_NOT_FOUND')
      expect((await client.request('PUT', path, { body: { display_name: 'x' } })).body.errcode).toBe('M_NOT_FOUND')
      expect((await client.request('PUT', path, { body: {} })).body.errcode).toBe('M_NOT_FOUND')
    }
    await remove(client, other.deviceId, { auth: passwordOf(client) })
    expect(await idsOf(other)).toEqual([other.deviceId])
  })
})

describe('more devices than the operator allows', () => {
  it('are not logged in, while those that are there may log in again', async () => {
    await using small = await startHomeserver({ settings: { sessions: { devicesPerUser: 2 } } })
    const client = await small.register('collector')
    await client.loginAgain({ device_id: 'two' })
    const login = (device_id?: string) =>
      client.request('POST', '/v3/login', {
        token: null,
        body: { ...passwordOf(client), ...(device_id === undefined ? {} : { device_id }) },
      })
    for (const id of [undefined, 'three'])
      expect(await login(id)).toMatchObject({
        status: 403,
        body: { errcode: 'M_USER_LIMIT_EXCEEDED', info_uri: 'https://localhost' },
      })
    expect((await login('two')).status).toBe(200)
    await remove(client, 'two', { auth: passwordOf(client) })
    expect((await login('three')).status).toBe(200)
  })
})

describe('removal of devices', () => {
  it('wants the password of the owner, and nobody else', async () => {
    const [client, eve] = [await homeserver.register('owner'), await homeserver.register('eve')]
    const second = await client.loginAgain({ device_id: 'second' })
    for (const body of [undefined, {}]) {
      const asked = await remove(client, 'second', body)
      expect([asked.status, asked.body.flows, asked.body.params]).toEqual([401, [{ stages: ['m.login.password'] }], {}])
    }
    const wrong = await remove(client, 'second', { auth: passwordOf(client, 'wrong') })
    expect([wrong.status, wrong.body.errcode, wrong.body.completed]).toEqual([401, 'M_FORBIDDEN', []])
    expect(wrong.body.session).toBeTypeOf('string')
    const foreign = await remove(client, 'second', { auth: passwordOf(eve) })
    expect([foreign.status, foreign.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const unnamed = await remove(client, 'second', { auth: { type: 'm.login.password', password: PASSWORD } })
    expect([unnamed.status, unnamed.body.errcode]).toEqual([400, 'M_MISSING_PARAM'])
    expect((await remove(client, 'second', { auth: 'x' })).body.errcode).toBe('M_BAD_JSON')
    expect(await second.request('GET', '/v3/account/whoami')).toMatchObject({ status: 200 })

    // The same session lives on after the wrong password.
    const auth = { ...passwordOf(client), session: wrong.body.session }
    expect((await remove(client, 'second', { auth })).status).toBe(200)
    expect((await second.request('GET', '/v3/account/whoami')).status).toBe(401)
    expect(await idsOf(client)).toEqual([client.deviceId])
    // "or had been removed previously"
    expect((await remove(client, 'second', { auth: passwordOf(client) })).status).toBe(200)
  })

  it('is bound to the device and the user that the session was begun for', async () => {
    const [client, eve] = [await homeserver.register('bound'), await homeserver.register('intruder')]
    await client.loginAgain({ device_id: 'a' })
    await client.loginAgain({ device_id: 'b' })
    const { session } = (await remove(client, 'a', {})).body
    const auth = { ...passwordOf(client), session }
    expect((await remove(client, 'b', { auth })).status).toBe(403)
    expect((await remove(eve, 'a', { auth: { ...passwordOf(eve), session } })).status).toBe(403)
    expect(await idsOf(client)).toEqual([client.deviceId, 'a', 'b'])
  })

  it('is not repeated by the session once it was done', async () => {
    const client = await homeserver.register('once')
    await client.loginAgain({ device_id: 'a' })
    const { session } = (await remove(client, 'a', {})).body
    expect((await remove(client, 'a', { auth: { ...passwordOf(client), session } })).status).toBe(200)
    expect((await remove(client, 'a', { auth: { session } })).status).toBe(401)
  })

  it('takes many at once, those of the first call', async () => {
    const client = await homeserver.register('many')
    for (const device_id of ['a', 'b', 'c']) await client.loginAgain({ device_id })
    const send = (body: object) => client.request('POST', '/v3/delete_devices', { body })
    const { session } = (await send({ devices: ['a', 'b', 'unknown'] })).body
    const done = await send({ devices: ['c'], auth: { ...passwordOf(client), session } })
    expect([done.status, done.body]).toEqual([200, {}])
    expect(await idsOf(client)).toEqual([client.deviceId, 'c'])
    expect((await send({ devices: Array(1_001).fill('x') })).body.errcode).toBe('M_BAD_JSON')
    expect((await send({ devices: [1] })).body.errcode).toBe('M_BAD_JSON')
    expect((await send({ devices: ['\0'] })).body.errcode).toBe('M_INVALID_PARAM')
  })
})
