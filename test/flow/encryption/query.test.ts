import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { deviceKeysOf, queryOf, upload } from './fixture.ts'

onEveryHomeserver('POST /keys/query', (start) => {
  const shared = shareHomeserver(start)

  it('answers with the keys of all devices of a user as they were uploaded', async () => {
    const [alice, bob] = [await (await shared()).register('alice'), await (await shared()).register('bob')]
    const phone = await alice.loginAgain()
    const [laptopKeys, phoneKeys] = [deviceKeysOf(alice), deviceKeysOf(phone)]
    await upload(alice, { device_keys: laptopKeys })
    await upload(phone, { device_keys: phoneKeys })
    const { device_keys: found, failures } = await queryOf(bob, alice.userId)
    expect(failures).toEqual({})
    expect(found).toEqual({
      [alice.userId]: {
        [alice.deviceId]: { ...laptopKeys, unsigned: {} },
        [phone.deviceId]: { ...phoneKeys, unsigned: {} },
      },
    })
  })

  it('answers with the named devices only, without those that are unknown', async () => {
    const alice = await (await shared()).register('alice')
    const phone = await alice.loginAgain()
    await upload(alice, { device_keys: deviceKeysOf(alice) })
    await upload(phone, { device_keys: deviceKeysOf(phone) })
    const body = { device_keys: { [alice.userId]: [phone.deviceId, 'NONE'] } }
    const found = (await alice.post('/v3/keys/query', body)).device_keys[alice.userId]
    expect(Object.keys(found)).toEqual([phone.deviceId])
  })

  it('has no entry for an unknown user, and an empty one for a user without keys', async () => {
    const [alice, bob] = [await (await shared()).register('alice'), await (await shared()).register('bob')]
    const { device_keys: found, failures } = await queryOf(alice, bob.userId, '@nobody:localhost')
    expect(found).toEqual({ [bob.userId]: {} })
    expect(failures).toEqual({})
  })

  it('refuses a device list that is an object, and what is no user id', async () => {
    const alice = await (await shared()).register('alice')
    for (const wanted of [{ [alice.userId]: {} }, { [alice.userId]: [1] }, { alice: [] }, [], undefined]) {
      const answer = await alice.request('POST', '/v3/keys/query', { body: { device_keys: wanted } })
      expect(answer.status).toBe(400)
    }
  })

  it('tells the name of a device to its own user alone', async () => {
    const [alice, bob] = [await (await shared()).register('alice'), await (await shared()).register('bob')]
    await alice.put(`/v3/devices/${alice.deviceId}`, { display_name: 'Desk' })
    await upload(alice, { device_keys: deviceKeysOf(alice) })
    const unsignedFor = async (asker: typeof alice): Promise<unknown> =>
      (await queryOf(asker, alice.userId)).device_keys[alice.userId][alice.deviceId].unsigned
    expect(await unsignedFor(alice)).toEqual({ device_display_name: 'Desk' })
    expect(await unsignedFor(bob)).toEqual({})
  })

  it('tells the name of a device to others only where the operator wants it', async () => {
    await using telling = await start({ settings: { encryption: { tellDeviceNames: true } } })
    const [alice, bob] = [await telling.register('alice'), await telling.register('bob')]
    await alice.put(`/v3/devices/${alice.deviceId}`, { display_name: 'Desk' })
    await upload(alice, { device_keys: deviceKeysOf(alice) })
    const found = (await queryOf(bob, alice.userId)).device_keys[alice.userId][alice.deviceId]
    expect(found.unsigned).toEqual({ device_display_name: 'Desk' })
  })

  it('does not pass on what a client put beside what it signed', async () => {
    const [alice, bob] = [await (await shared()).register('alice'), await (await shared()).register('bob')]
    const forged = { ...deviceKeysOf(alice), unsigned: { device_display_name: 'Forged' } }
    await upload(alice, { device_keys: forged })
    expect((await queryOf(bob, alice.userId)).device_keys[alice.userId][alice.deviceId].unsigned).toEqual({})
  })

  it('names each other server as a failure, as none can be asked', async () => {
    const alice = await (await shared()).register('alice')
    const { device_keys: found, failures } = await queryOf(alice, '@x:one.example', '@y:one.example', '@z:two.example')
    expect(found).toEqual({})
    expect(Object.keys(failures).toSorted()).toEqual(['one.example', 'two.example'])
  })

  it('no longer has the keys of a device that was removed', async () => {
    const alice = await (await shared()).register('alice')
    const phone = await alice.loginAgain()
    await upload(phone, { device_keys: deviceKeysOf(phone) })
    await phone.post('/v3/logout')
    expect((await queryOf(alice, alice.userId)).device_keys).toEqual({ [alice.userId]: {} })
  })
})
