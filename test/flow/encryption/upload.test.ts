import { describe, expect, it } from 'vitest'
import { type Logger, silentLogger } from '#base'
import { NO_PRESENCE, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { freePort } from '../../support/other-servers/openid-provider.ts'
import { claim, deviceKeysOf, fallbackKey, oneTimeKey, oneTimeKeys, queryOf, upload } from './fixture.ts'

/** The positions of the streams `toDevice` and `deviceLists`. */
const keyPositions = (token: string): readonly string[] => token.split('_').slice(4, 6)

onEveryHomeserver('POST /keys/upload', (start) => {
  const shared = shareHomeserver(start)
  const alice = async (): Promise<TestClient> => (await shared()).register('alice')

  it('answers with the counts of the device after the call, also to an empty body', async () => {
    const client = await alice()
    expect(await upload(client, {})).toEqual({ one_time_key_counts: { signed_curve25519: 0 } })
    const keys = { ...oneTimeKeys('A', 3), 'curve25519:AAA': 'c29tZXRoaW5n' }
    const counts = { signed_curve25519: 3, curve25519: 1 }
    expect(await upload(client, { one_time_keys: keys })).toEqual({ one_time_key_counts: counts })
    expect(await upload(client, {})).toEqual({ one_time_key_counts: counts })
  })

  it('counts the keys of a device, not those of the other devices of its user', async () => {
    const client = await alice()
    const phone = await client.loginAgain()
    await upload(client, { one_time_keys: oneTimeKeys('A', 2) })
    expect(await upload(phone, {})).toEqual({ one_time_key_counts: { signed_curve25519: 0 } })
  })

  describe('refuses device keys that are not valid at the door, and stores nothing (CVE-2025-61672)', () => {
    const cases: readonly (readonly [string, string, (client: TestClient) => unknown])[] = [
      ['null', 'M_BAD_JSON', () => null],
      ['a list', 'M_BAD_JSON', () => []],
      ['those of another user', 'M_INVALID_PARAM', (own) => ({ ...deviceKeysOf(own), user_id: '@eve:localhost' })],
      ['those of another device', 'M_INVALID_PARAM', (own) => ({ ...deviceKeysOf(own), device_id: 'OTHER' })],
      ['no device id', 'M_INVALID_PARAM', (own) => ({ ...deviceKeysOf(own), device_id: undefined })],
      ['algorithms that are no list', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), algorithms: 'm.olm' })],
      ['algorithms that are no texts', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), algorithms: [1] })],
      ['no keys', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), keys: undefined })],
      ['keys that are a list', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), keys: ['a'] })],
      ['a key that is no text', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), keys: { 'ed25519:A': 1 } })],
      ['a key id without colon', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), keys: { ed25519: 'a' } })],
      ['a key id with two colons', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), keys: { 'ed25519:A:B': 'a' } })],
      ['a key id without algorithm', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), keys: { ':A': 'a' } })],
      ['no signatures', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), signatures: undefined })],
      ['signatures that are a text', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), signatures: 'a' })],
      ['a signature that is no text', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), signatures: { a: { b: 1 } } })],
      ['a number with a fraction', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), extra: 1.5 })],
      ['U+0000', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), extra: 'a\0b' })],
      ['a lone surrogate', 'M_BAD_JSON', (own) => ({ ...deviceKeysOf(own), extra: 'a\ud800' })],
      ['too many bytes', 'M_TOO_LARGE', (own) => ({ ...deviceKeysOf(own), extra: 'a'.repeat(40_000) })],
    ]
    it.each(cases)('%s: %s', async (_, errcode, keys) => {
      const client = await alice()
      const body = { device_keys: keys(client), one_time_keys: oneTimeKeys('A', 1) }
      const { status, body: error } = await client.request('POST', '/v3/keys/upload', { body })
      expect([status, error.errcode]).toEqual([400, errcode])
      expect((await queryOf(client, client.userId)).device_keys).toEqual({ [client.userId]: {} })
      expect(await upload(client, {})).toEqual({ one_time_key_counts: { signed_curve25519: 0 } })
    })
  })

  it.each([
    ['one_time_keys that are a list', { one_time_keys: [] }],
    ['a one-time key id without algorithm', { one_time_keys: { AAA: 'a' } }],
    ['a one-time key id with two colons', { one_time_keys: { 'a:b:c': 'a' } }],
    ['a one-time key that is a number', { one_time_keys: { 'a:b': 1 } }],
    ['a one-time key without key', { one_time_keys: { 'a:b': { signatures: {} } } }],
    ['a one-time key with malformed signatures', { one_time_keys: { 'a:b': { key: 'a', signatures: [] } } }],
    ['fallback_keys that are a text', { fallback_keys: 'a' }],
    ['two fallback keys of one algorithm', { fallback_keys: { 'a:b': 'a', 'a:c': 'b' } }],
  ])('refuses %s', async (_, body) => {
    const client = await alice()
    expect((await client.request('POST', '/v3/keys/upload', { body })).status).toBe(400)
    expect(await upload(client, {})).toEqual({ one_time_key_counts: { signed_curve25519: 0 } })
  })

  it('takes a one-time key again that differs in its signatures only: a repeated upload is signed anew', async () => {
    const client = await alice()
    await upload(client, { one_time_keys: { 'signed_curve25519:A': oneTimeKey('same') } })
    const again = {
      'signed_curve25519:A': { key: 'same', signatures: { [client.userId]: { 'ed25519:X': 'b3RoZXI' } } },
    }
    expect(await upload(client, { one_time_keys: again })).toEqual({ one_time_key_counts: { signed_curve25519: 1 } })
  })

  it('refuses another one-time key with the id of one that is there, in words that clients read', async () => {
    const client = await alice()
    await upload(client, { one_time_keys: { 'signed_curve25519:A': oneTimeKey('first') } })
    const body = { one_time_keys: { 'signed_curve25519:A': oneTimeKey('second'), ...oneTimeKeys('B', 1) } }
    const { status, body: error } = await client.request('POST', '/v3/keys/upload', { body })
    expect([status, error.errcode]).toEqual([400, 'M_UNKNOWN'])
    expect(error.error).toMatch(
      /^One time key signed_curve25519:A already exists\. Old key: .*first.*; new key: .*second/,
    )
    expect(await upload(client, {})).toEqual({ one_time_key_counts: { signed_curve25519: 1 } })
    expect((await claim(client, client))?.[1].key).toBe('first')
  })

  it('writes nothing for what is repeated, refused or there already: clients do it in a loop', async () => {
    const client = await alice()
    const keys = { device_keys: deviceKeysOf(client), one_time_keys: { 'signed_curve25519:A': oneTimeKey('first') } }
    await upload(client, { ...keys, fallback_keys: { 'signed_curve25519:F': fallbackKey('F') } })
    const { next_batch: before } = await client.sync({ filter: NO_PRESENCE })
    const refused = { one_time_keys: { 'signed_curve25519:A': oneTimeKey('second') } }
    for (let time = 0; time < 20; time += 1) {
      expect((await client.request('POST', '/v3/keys/upload', { body: refused })).status).toBe(400)
      await upload(client, { ...keys, fallback_keys: { 'signed_curve25519:F': fallbackKey('F') } })
    }
    const { next_batch: after } = await client.sync({ filter: NO_PRESENCE })
    expect(keyPositions(after)).toEqual(keyPositions(before))
  })

  it('is limited by itself: a client that repeats it in a loop can still do all else', async () => {
    await using homeserver = await start({ settings: { rateLimits: { enabled: true, keyUpload: '5/60s' } } })
    const client = await homeserver.register('alice')
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => client.request('POST', '/v3/keys/upload', { body: {} })),
    )
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5)
    expect(await client.post('/v3/keys/claim', { one_time_keys: {} })).toEqual({ failures: {}, one_time_keys: {} })
  })

  it('does not offer a key again that was claimed before its upload was repeated', async () => {
    const client = await alice()
    const keys = { one_time_keys: { 'signed_curve25519:A': oneTimeKey('once') } }
    await upload(client, keys)
    expect((await claim(client, client))?.[1].key).toBe('once')
    expect(await upload(client, keys)).toEqual({ one_time_key_counts: { signed_curve25519: 0 } })
    expect(await claim(client, client)).toBeUndefined()
  })

  it('takes a new key under the id of one that was claimed', async () => {
    const client = await alice()
    await upload(client, { one_time_keys: { 'signed_curve25519:A': oneTimeKey('old') } })
    await claim(client, client)
    await upload(client, { one_time_keys: { 'signed_curve25519:A': oneTimeKey('new') } })
    expect((await claim(client, client))?.[1].key).toBe('new')
  })

  it('keeps a device from having more one-time keys than the operator allows', async () => {
    await using homeserver = await start({ settings: { encryption: { oneTimeKeysPerDevice: 10 } } })
    const client = await homeserver.register('alice')
    await upload(client, { one_time_keys: oneTimeKeys('A', 8) })
    const body = { one_time_keys: oneTimeKeys('B', 3) }
    const { status, body: error } = await client.request('POST', '/v3/keys/upload', { body })
    expect([status, error.errcode]).toEqual([400, 'M_TOO_LARGE'])
    expect(await upload(client, { one_time_keys: oneTimeKeys('B', 2) })).toEqual({
      one_time_key_counts: { signed_curve25519: 10 },
    })
  })

  it('keeps keys over a restart', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('alice')
    const keys = deviceKeysOf(client)
    await upload(client, {
      device_keys: keys,
      one_time_keys: oneTimeKeys('A', 2),
      fallback_keys: { 'a:f': fallbackKey('f') },
    })
    await homeserver.restart()
    expect(await upload(client, {})).toEqual({ one_time_key_counts: { signed_curve25519: 2 } })
    expect((await queryOf(client, client.userId)).device_keys[client.userId][client.deviceId]).toMatchObject(keys)
  })

  it('lets a device replace its identity keys, which is logged and counted', async () => {
    const said: string[] = []
    const logger: Logger = { ...silentLogger, warn: (_, message) => said.push(message), child: () => logger }
    const metricsPort = await freePort()
    await using homeserver = await start({ settings: { listen: { metricsPort } }, logger })
    const client = await homeserver.register('alice')
    const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    await upload(client, { device_keys: deviceKeysOf(client) })
    expect(await metrics()).toMatch(/^homeroom_replaced_device_keys_total 0$/m)
    const other = deviceKeysOf(client)
    await upload(client, { device_keys: other })
    expect(await metrics()).toMatch(/^homeroom_replaced_device_keys_total 1$/m)
    expect(said.filter((message) => message === 'a device replaced its identity keys')).toHaveLength(1)
    expect((await queryOf(client, client.userId)).device_keys[client.userId][client.deviceId]).toMatchObject(other)
  })

  it('leaves no keys of a device that is removed while it uploads', async () => {
    const client = await alice()
    const phone = await client.loginAgain()
    const keys = deviceKeysOf(phone)
    const uploads = Array.from({ length: 8 }, (_, n) =>
      phone.request('POST', '/v3/keys/upload', { body: { device_keys: keys, one_time_keys: oneTimeKeys(`${n}`, 2) } }),
    )
    const [, ...answers] = await Promise.all([phone.post('/v3/logout'), ...uploads])
    for (const { status } of answers) expect([200, 401]).toContain(status)
    expect((await queryOf(client, client.userId)).device_keys).toEqual({ [client.userId]: {} })
    expect(await claim(client, phone)).toBeUndefined()
  })
})
