import { expect, it } from 'vitest'
import { type Answer, type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { crossSigningKeys, uploadSigning, withPassword } from './cross-signing-fixture.ts'
import { claim, deviceKeysOf, fallbackKey, oneTimeKeys, queryOf } from './fixture.ts'

const DEVICE = '/unstable/org.matrix.msc3814.v1/dehydrated_device'
const DATA = { algorithm: 'org.matrix.msc3814.v1.olm', device_pickle: 'sealed' }

const bodyOf = (client: TestClient, deviceId: string, over: Json = {}): Json => ({
  device_id: deviceId,
  device_data: DATA,
  initial_device_display_name: 'Dehydrated',
  device_keys: deviceKeysOf(Object.assign(Object.create(client), { deviceId })),
  one_time_keys: oneTimeKeys(deviceId, 2),
  fallback_keys: { [`signed_curve25519:f${deviceId}`]: fallbackKey(`fallback ${deviceId}`) },
  ...over,
})

const put = (client: TestClient, body: Json): Promise<Answer> => client.request('PUT', DEVICE, { body })
const deviceIds = async (client: TestClient): Promise<string[]> =>
  (await client.get('/v3/devices')).devices.map(({ device_id }: Json) => device_id)

const send = async (from: TestClient, userId: string, deviceId: string, ns: readonly number[]): Promise<void> => {
  for (const n of ns) {
    const messages = { [userId]: { [deviceId]: { n } } }
    await from.put(`/v3/sendToDevice/m.test/${from.nextTransaction()}`, { messages })
  }
}
const numbers = (page: Json): number[] => page.events.map(({ content }: Json) => content.n)
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)
const passwordOf = ({ userId }: TestClient): Json => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: userId },
  password: PASSWORD,
})

onEveryHomeserver('dehydrated devices', (start) => {
  const homeserver = shareHomeserver(start)
  const pair = async (): Promise<readonly [TestClient, TestClient]> => [
    await (await homeserver()).register('alice'),
    await (await homeserver()).register('bob'),
  ]

  it('come with all their keys in one upload, are listed as such, and their keys are given out', async () => {
    const [alice, bob] = await pair()
    expect((await alice.request('GET', DEVICE)).body.errcode).toBe('M_NOT_FOUND')
    expect((await put(alice, bodyOf(alice, 'DRY'))).body).toEqual({ device_id: 'DRY' })
    expect(await alice.get(DEVICE)).toEqual({ device_id: 'DRY', device_data: DATA })
    const { devices } = await alice.get('/v3/devices')
    expect(devices.find(({ device_id }: Json) => device_id === 'DRY')).toMatchObject({
      display_name: 'Dehydrated',
      dehydrated: true,
    })
    expect(devices.find(({ device_id }: Json) => device_id === alice.deviceId)).not.toHaveProperty('dehydrated')
    expect(Object.keys((await queryOf(bob, alice.userId)).device_keys[alice.userId])).toEqual(['DRY'])
    const device = { userId: alice.userId, deviceId: 'DRY' }
    const given = [await claim(bob, device), await claim(bob, device), await claim(bob, device)]
    expect(given.map((one) => one?.[1].key)).toEqual(['DRY0', 'DRY1', 'fallback DRY'])
  })

  it('replace one another, with keys and messages, and tell those who share a room', async () => {
    const [alice, bob] = await pair()
    const room = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    await put(alice, bodyOf(alice, 'FIRST'))
    await send(bob, alice.userId, 'FIRST', [1])
    const { next_batch: since } = await bob.sync()
    await put(alice, bodyOf(alice, 'SECOND'))
    expect((await bob.sync({ since })).device_lists.changed).toContain(alice.userId)
    expect(Object.keys((await queryOf(bob, alice.userId)).device_keys[alice.userId])).toEqual(['SECOND'])
    expect(await claim(bob, { userId: alice.userId, deviceId: 'FIRST' })).toBeUndefined()
    expect((await alice.request('GET', `${DEVICE}/FIRST/events`)).body.errcode).toBe('M_FORBIDDEN')
    expect(await alice.get(`${DEVICE}/SECOND/events`)).toEqual({ events: [] })
    // The same id again is a new device.
    await send(bob, alice.userId, 'SECOND', [2])
    await put(alice, bodyOf(alice, 'SECOND'))
    expect(await alice.get(`${DEVICE}/SECOND/events`)).toEqual({ events: [] })
    expect(await deviceIds(alice)).toEqual([alice.deviceId, 'SECOND'])
  })

  it('give their messages by GET in pages, which take none away, without next_batch at the end', async () => {
    const [alice, bob] = await pair()
    await put(alice, bodyOf(alice, 'DRY'))
    await send(bob, alice.userId, 'DRY', range(6))
    await send(bob, alice.userId, '*', [6])
    for (const client of [alice, await alice.loginAgain()]) {
      const first = await client.get(`${DEVICE}/DRY/events`, { limit: 4 })
      expect(first.events[0]).toEqual({ type: 'm.test', sender: bob.userId, content: { n: 0 } })
      expect(numbers(first)).toEqual([0, 1, 2, 3])
      const second = await client.get(`${DEVICE}/DRY/events`, { limit: 4, from: first.next_batch })
      expect([numbers(second), 'next_batch' in second]).toEqual([[4, 5, 6], false])
      const whole = await client.get(`${DEVICE}/DRY/events`, { limit: 7 })
      expect([numbers(whole), 'next_batch' in whole]).toEqual([range(7), false])
    }
  })

  it('give their messages by POST in pages, the last of which is empty', async () => {
    const [alice, bob] = await pair()
    await put(alice, bodyOf(alice, 'DRY'))
    await send(bob, alice.userId, 'DRY', range(105))
    const first = await alice.post(`${DEVICE}/DRY/events`)
    expect(numbers(first)).toEqual(range(100))
    const second = await alice.post(`${DEVICE}/DRY/events`, { next_batch: first.next_batch })
    expect(numbers(second)).toEqual([100, 101, 102, 103, 104])
    const third = await alice.post(`${DEVICE}/DRY/events`, { next_batch: second.next_batch })
    expect([third.events, typeof third.next_batch]).toEqual([[], 'string'])
    expect(numbers(await alice.post(`${DEVICE}/DRY/events`))).toEqual(range(100))
  })

  it('refuse a limit of nothing, and places and devices that are none', async () => {
    const [alice, bob] = await pair()
    expect((await alice.request('GET', `${DEVICE}/DRY/events`)).body.errcode).toBe('M_NOT_FOUND')
    await put(alice, bodyOf(alice, 'DRY'))
    for (const query of [{ limit: 0 }, { limit: -1 }, { from: 'nowhere' }, { from: '-1' }])
      expect((await alice.request('GET', `${DEVICE}/DRY/events`, { query })).body.errcode).toBe('M_INVALID_PARAM')
    expect((await alice.request('GET', `${DEVICE}/${alice.deviceId}/events`)).body.errcode).toBe('M_FORBIDDEN')
    expect((await bob.request('GET', `${DEVICE}/DRY/events`)).body.errcode).toBe('M_NOT_FOUND')
  })

  it('outlive logging out everywhere and a new password, for the next login to read', async () => {
    const [alice, bob] = await pair()
    await put(alice, bodyOf(alice, 'DRY'))
    await send(bob, alice.userId, 'DRY', [1])
    await alice.post('/v3/account/password', { auth: passwordOf(alice), new_password: PASSWORD, logout_devices: true })
    await alice.post('/v3/logout/all')
    const again = await alice.loginAgain()
    expect(await deviceIds(again)).toEqual(['DRY', again.deviceId])
    expect(numbers(await again.get(`${DEVICE}/DRY/events`))).toEqual([1])
  })

  it('end by DELETE, by deletion as a device, and with the account', async () => {
    const [alice, bob] = await pair()
    expect((await alice.request('DELETE', DEVICE)).body.errcode).toBe('M_NOT_FOUND')
    await put(alice, bodyOf(alice, 'DRY'))
    expect(await alice.delete(DEVICE, {})).toEqual({ device_id: 'DRY' })
    expect((await alice.request('GET', DEVICE)).status).toBe(404)
    expect((await queryOf(bob, alice.userId)).device_keys[alice.userId] ?? {}).toEqual({})
    await put(alice, bodyOf(alice, 'DRY'))
    await alice.delete('/v3/devices/DRY', { auth: passwordOf(alice) })
    expect((await alice.request('GET', DEVICE)).status).toBe(404)
    await put(alice, bodyOf(alice, 'DRY'))
    await alice.post('/v3/account/deactivate', { auth: passwordOf(alice) })
    expect((await queryOf(bob, alice.userId)).device_keys[alice.userId] ?? {}).toEqual({})
  })

  it('end with the identity that signed them: a reset of cross-signing', async () => {
    const [alice] = await pair()
    await uploadSigning(alice, crossSigningKeys(alice.userId).body)
    await put(alice, bodyOf(alice, 'DRY'))
    const { self_signing_key, user_signing_key } = crossSigningKeys(alice.userId).body
    expect((await uploadSigning(alice, { self_signing_key, user_signing_key })).status).toBe(400)
    expect((await alice.get(DEVICE)).device_id).toBe('DRY')
    const { body } = crossSigningKeys(alice.userId)
    expect((await withPassword(alice, await uploadSigning(alice, body), body)).status).toBe(200)
    expect((await alice.request('GET', DEVICE)).status).toBe(404)
    expect(await deviceIds(alice)).toEqual([alice.deviceId])
  })

  it('that are none are refused, and change nothing', async () => {
    const [alice] = await pair()
    await put(alice, bodyOf(alice, 'DRY'))
    const { device_keys: _, ...keyless } = bodyOf(alice, 'NEW')
    const wrong: readonly (readonly [Json, string])[] = [
      [keyless, 'M_MISSING_PARAM'],
      [bodyOf(alice, 'NEW', { device_data: 'x' }), 'M_BAD_JSON'],
      [bodyOf(alice, 'NEW', { device_keys: deviceKeysOf(alice) }), 'M_INVALID_PARAM'],
      [bodyOf(alice, 'NEW', { device_id: '' }), 'M_INVALID_PARAM'],
      [bodyOf(alice, 'NEW', { one_time_keys: { nocolon: 'x' } }), 'M_BAD_JSON'],
      [bodyOf(alice, 'NEW', { device_data: { pickle: 'x'.repeat(70_000) } }), 'M_TOO_LARGE'],
      // The id of a device that somebody is logged in with.
      [bodyOf(alice, alice.deviceId), 'M_INVALID_PARAM'],
    ]
    for (const [body, errcode] of wrong) expect((await put(alice, body)).body.errcode).toBe(errcode)
    expect((await alice.get(DEVICE)).device_id).toBe('DRY')
    expect(await deviceIds(alice)).toEqual([alice.deviceId, 'DRY'])
  })
})
