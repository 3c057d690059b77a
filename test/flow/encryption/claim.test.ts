import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { claim, fallbackKey, oneTimeKey, oneTimeKeys, upload } from './fixture.ts'

const idsOf = (claimed: readonly (readonly [string, unknown] | undefined)[]): readonly string[] =>
  claimed.flatMap((one) => (one === undefined ? [] : [one[0]]))

onEveryHomeserver('POST /keys/claim', (start) => {
  const shared = shareHomeserver(start)
  const pair = async () => {
    const homeserver = await shared()
    return [await homeserver.register('alice'), await homeserver.register('bob')] as const
  }

  it('gives out one-time keys in the order of their uploads, whatever their names', async () => {
    const [alice, bob] = await pair()
    for (const name of ['Z', 'M', 'A', 'Q']) {
      await upload(alice, { one_time_keys: { [`signed_curve25519:${name}`]: oneTimeKey(name) } })
    }
    const claimed = [await claim(bob, alice), await claim(bob, alice), await claim(bob, alice), await claim(bob, alice)]
    expect(claimed.map((one) => one?.[1].key)).toEqual(['Z', 'M', 'A', 'Q'])
  })

  it('gives out each key once to claimers at the same time: 50 devices claim 50 keys', async () => {
    const [alice] = await pair()
    await upload(alice, {
      one_time_keys: oneTimeKeys('K', 50),
      fallback_keys: { 'signed_curve25519:F': fallbackKey('F') },
    })
    const bots = await Promise.all(Array.from({ length: 50 }, async () => (await shared()).register('bot')))
    const ids = idsOf(await Promise.all(bots.map((bot) => claim(bot, alice))))
    expect(new Set(ids).size).toBe(50)
    expect(ids).not.toContain('signed_curve25519:F')
    expect((await claim(bots[0] ?? alice, alice))?.[0]).toBe('signed_curve25519:F')
  })

  it('gives out no key twice where the server stops between a claim and the next', async () => {
    await using homeserver = await start()
    const alice = await homeserver.register('alice')
    await upload(alice, { one_time_keys: oneTimeKeys('K', 4) })
    const before = [await claim(alice, alice), await claim(alice, alice)]
    await homeserver.restart()
    const after = [await claim(alice, alice), await claim(alice, alice), await claim(alice, alice)]
    expect(new Set(idsOf([...before, ...after])).size).toBe(4)
  })

  it('falls back to the fallback key, time and again, until the device replaces it', async () => {
    const [alice, bob] = await pair()
    await upload(alice, {
      one_time_keys: oneTimeKeys('K', 1),
      fallback_keys: { 'signed_curve25519:F1': fallbackKey('F1') },
    })
    expect((await claim(bob, alice))?.[0]).toBe('signed_curve25519:K0')
    expect(await claim(bob, alice)).toEqual(['signed_curve25519:F1', fallbackKey('F1')])
    expect((await claim(bob, alice))?.[0]).toBe('signed_curve25519:F1')
    await upload(alice, { fallback_keys: { 'signed_curve25519:F2': fallbackKey('F2') } })
    expect((await claim(bob, alice))?.[0]).toBe('signed_curve25519:F2')
  })

  it('gives out keys of the algorithm that was asked for', async () => {
    const [alice, bob] = await pair()
    await upload(alice, { one_time_keys: { 'one:A': 'YQ', 'two:B': 'Yg' }, fallback_keys: { 'three:C': 'Yw' } })
    expect(await claim(bob, alice, 'two')).toEqual(['two:B', 'Yg'])
    expect(await claim(bob, alice, 'two')).toBeUndefined()
    expect(await claim(bob, alice, 'three')).toEqual(['three:C', 'Yw'])
    expect(await claim(bob, alice, 'four')).toBeUndefined()
  })

  it('leaves out unknown users and devices, and names servers that cannot be asked', async () => {
    const [alice, bob] = await pair()
    await upload(alice, { one_time_keys: oneTimeKeys('K', 1) })
    const wanted = {
      [alice.userId]: { [alice.deviceId]: 'signed_curve25519', NONE: 'signed_curve25519' },
      '@nobody:localhost': { A: 'signed_curve25519' },
      '@x:elsewhere.example': { A: 'signed_curve25519' },
    }
    const answer = await bob.post('/v3/keys/claim', { one_time_keys: wanted })
    expect(answer.one_time_keys).toEqual({
      [alice.userId]: { [alice.deviceId]: { 'signed_curve25519:K0': oneTimeKey('K0') } },
    })
    expect(Object.keys(answer.failures)).toEqual(['elsewhere.example'])
  })

  it('refuses what is no map of users to devices to algorithms, and takes no key', async () => {
    const [alice, bob] = await pair()
    await upload(alice, { one_time_keys: oneTimeKeys('K', 1) })
    for (const wanted of [
      undefined,
      [],
      { [alice.userId]: [] },
      { [alice.userId]: { [alice.deviceId]: ['a'] } },
      { x: {} },
    ]) {
      const answer = await bob.request('POST', '/v3/keys/claim', { body: { one_time_keys: wanted } })
      expect(answer.status).toBe(400)
    }
    expect((await claim(bob, alice))?.[0]).toBe('signed_curve25519:K0')
  })

  it('gives out no key of a device that was removed, or of a later one with its id', async () => {
    const [alice, bob] = await pair()
    const phone = await alice.loginAgain({ device_id: 'PHONE' })
    await upload(phone, { one_time_keys: oneTimeKeys('K', 2) })
    await phone.post('/v3/logout')
    await alice.loginAgain({ device_id: 'PHONE' })
    expect(await claim(bob, { userId: alice.userId, deviceId: 'PHONE' })).toBeUndefined()
  })
})
