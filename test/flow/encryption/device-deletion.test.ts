import { expect, it } from 'vitest'
import { type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { claim, deviceKeysOf, fallbackKey, oneTimeKeys, queryOf, upload } from './fixture.ts'

const passwordOf = ({ userId }: TestClient): Json => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: userId },
  password: PASSWORD,
})

const settingsOf = ({ userId, deviceId }: TestClient): string =>
  `/v3/user/${userId}/account_data/m.local_notification_settings.${deviceId}`

const pusher = (pushkey: string): Json => ({
  app_display_name: 'App',
  app_id: 'app',
  data: { url: 'https://push.example.org/_matrix/push/v1/notify' },
  device_display_name: 'Device',
  kind: 'http',
  lang: 'en',
  pushkey,
})

/** Ways by which the second device of a user goes. */
const WAYS: Readonly<Record<string, (alice: TestClient, tablet: TestClient) => Promise<unknown>>> = {
  'DELETE /devices/{deviceId}': (alice, tablet) =>
    alice.delete(`/v3/devices/${tablet.deviceId}`, { auth: passwordOf(alice) }),
  'POST /delete_devices': (alice, tablet) =>
    alice.post('/v3/delete_devices', { devices: [tablet.deviceId], auth: passwordOf(alice) }),
  'POST /logout': (_, tablet) => tablet.post('/v3/logout'),
  'a new password': (alice) =>
    alice.post('/v3/account/password', { new_password: PASSWORD, auth: passwordOf(alice), logout_devices: true }),
}

onEveryHomeserver('the deletion of a device', (start) => {
  const homeserver = shareHomeserver(start)

  /** Alice with two devices, of which the tablet has everything that a device can have; Bob shares a room with her. */
  const household = async () => {
    const server = await homeserver()
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const tablet = await alice.loginAgain({ refresh_token: true })
    await bob.join(await alice.createRoom({ preset: 'public_chat' }))
    for (const device of [alice, tablet]) {
      await upload(device, {
        device_keys: deviceKeysOf(device),
        one_time_keys: oneTimeKeys(device.deviceId, 1),
        fallback_keys: { 'signed_curve25519:f': fallbackKey('fallback') },
      })
      await device.put(settingsOf(device), { is_silenced: true })
      await device.post('/v3/pushers/set', pusher(device.deviceId))
    }
    await bob.put('/v3/sendToDevice/m.test/1', { messages: { [alice.userId]: { '*': { n: 1 } } } })
    return { alice, tablet, bob }
  }

  for (const [way, remove] of Object.entries(WAYS)) {
    it(`takes its keys, inbox, pushers, tokens and local notification settings, and no others: ${way}`, async () => {
      const { alice, tablet, bob } = await household()
      const { next_batch: since } = await bob.sync()
      await remove(alice, tablet)
      expect(Object.keys((await queryOf(bob, alice.userId)).device_keys[alice.userId])).toEqual([alice.deviceId])
      expect(await claim(bob, tablet)).toBeUndefined()
      expect((await bob.sync({ since })).device_lists.changed).toEqual([alice.userId])
      expect((await tablet.request('GET', '/v3/account/whoami')).body.errcode).toBe('M_UNKNOWN_TOKEN')
      const refresh = { body: { refresh_token: tablet.refreshToken }, token: null }
      expect((await tablet.request('POST', '/v3/refresh', refresh)).body.errcode).toBe('M_UNKNOWN_TOKEN')
      const { pushers } = await alice.get('/v3/pushers')
      expect(pushers.map(({ pushkey }: Json) => pushkey)).toEqual([alice.deviceId])
      expect((await alice.request('GET', settingsOf(tablet))).body.errcode).toBe('M_NOT_FOUND')
      expect(await alice.get(settingsOf(alice))).toEqual({ is_silenced: true })
      expect((await alice.sync()).to_device.events).toHaveLength(1)
      expect((await claim(bob, alice))?.[1].key).toBe(`${alice.deviceId}0`)
      // A device of that name begins with nothing.
      const again = await alice.loginAgain({ device_id: tablet.deviceId })
      const sync = await again.sync()
      expect(sync.to_device.events).toEqual([])
      expect(sync.device_one_time_keys_count).toEqual({ signed_curve25519: 0 })
      expect(sync.device_unused_fallback_key_types).toEqual([])
    })
  }

  it('with the account takes everything that is kept for encryption', async () => {
    const { alice, tablet, bob } = await household()
    const creation = { algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2', auth_data: {} }
    await alice.post('/v3/room_keys/version', creation)
    const { next_batch: since } = await bob.sync()
    await alice.post('/v3/account/deactivate', { auth: passwordOf(alice) })
    expect((await queryOf(bob, alice.userId)).device_keys[alice.userId] ?? {}).toEqual({})
    for (const device of [alice, tablet]) expect(await claim(bob, device)).toBeUndefined()
    const lists = (await bob.sync({ since })).device_lists
    expect([...lists.changed, ...lists.left]).toContain(alice.userId)
  })

  it('leaves nothing for messages that race it: they reach the device or nobody', async () => {
    const server = await homeserver()
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    for (let round = 0; round < 10; round++) {
      const tablet = await alice.loginAgain({ device_id: 'TABLET' })
      const messages = { [alice.userId]: { TABLET: { round } } }
      await Promise.all([
        tablet.post('/v3/logout'),
        bob.put(`/v3/sendToDevice/m.test/${bob.nextTransaction()}`, { messages }),
        bob.put(`/v3/sendToDevice/m.test/${bob.nextTransaction()}`, { messages }),
      ])
      const again = await alice.loginAgain({ device_id: 'TABLET' })
      expect((await again.sync()).to_device.events).toEqual([])
      await again.post('/v3/logout')
    }
  })
})
