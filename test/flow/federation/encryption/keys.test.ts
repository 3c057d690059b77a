import { expect, it } from 'vitest'
import type { Json } from '../../../support/client.ts'
import { refusal, reply } from '../../../support/federation-peer/listener.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import { crossSigningKeys, uploadSignatures, uploadSigning } from '../../encryption/cross-signing-fixture.ts'
import {
  claim,
  deviceKeysOf,
  fallbackKey,
  newPair,
  oneTimeKeys,
  queryOf,
  signed,
  upload,
} from '../../encryption/fixture.ts'
import { withPeer } from './with-peer.ts'

const QUERY = '/_matrix/federation/v1/user/keys/query'
const CLAIM = '/_matrix/federation/v1/user/keys/claim'

const bothDatabases = () =>
  startFederation({ database: process.env.HOMEROOM_TEST_POSTGRES ? ['sqlite', 'postgres'] : 'sqlite' })

it('keys of a user of another server come with the signatures that the asker may see', async () => {
  await using servers = await bothDatabases()
  const alice = await servers.at(0).register('alice')
  const bob = await servers.at(1).register('bob')
  const pair = newPair()
  const keys = deviceKeysOf(bob, pair)
  await upload(bob, { device_keys: keys })
  const bobs = crossSigningKeys(bob.userId)
  await uploadSigning(bob, bobs.body)
  const alices = crossSigningKeys(alice.userId)
  await uploadSigning(alice, alices.body)
  const { selfSigning } = bobs
  const selfSigned = signed(keys, bob.userId, `ed25519:${selfSigning.publicKey}`, selfSigning)
  expect(await uploadSignatures(bob, { [bob.userId]: { [bob.deviceId]: selfSigned } })).toEqual({})

  const { userSigning } = alices
  const byAlice = signed(bobs.body.master_key, alice.userId, `ed25519:${userSigning.publicKey}`, userSigning)
  const uploaded = { [bob.userId]: { [bobs.master.publicKey]: byAlice } }
  expect(await uploadSignatures(alice, uploaded)).toEqual({})

  const answer = await queryOf(alice, bob.userId)
  expect(answer.failures).toEqual({})
  expect(answer.device_keys[bob.userId]).toEqual({ [bob.deviceId]: { ...selfSigned, unsigned: {} } })
  expect(answer.master_keys[bob.userId]).toEqual(byAlice)
  expect(answer.self_signing_keys[bob.userId]).toEqual(bobs.body.self_signing_key)
  expect(answer.user_signing_keys).not.toHaveProperty(bob.userId)
  // Another user of the first server does not see what Alice signed.
  const carol = await servers.at(0).register('carol')
  expect((await queryOf(carol, bob.userId)).master_keys[bob.userId]).toEqual(bobs.body.master_key)
})

it('keys of a device of another server are claimed once each, in order, and then the fallback key', async () => {
  await using servers = await bothDatabases()
  const alice = await servers.at(0).register('alice')
  const bob = await servers.at(1).register('bob')
  const device_keys = deviceKeysOf(bob)
  await upload(bob, { device_keys, one_time_keys: oneTimeKeys('A', 1) })
  await upload(bob, { one_time_keys: oneTimeKeys('B', 1), fallback_keys: { 'signed_curve25519:F': fallbackKey('F') } })
  const ids: (string | undefined)[] = []
  for (let i = 0; i < 4; i++) ids.push((await claim(alice, bob))?.[0])
  expect(ids).toEqual(['A0', 'B0', 'F', 'F'].map((id) => `signed_curve25519:${id}`))
  expect(await claim(alice, { userId: bob.userId, deviceId: 'NOBODY' })).toBeUndefined()
  // As for users here: who has no key is not named.
  const one_time_keys = {
    [bob.userId]: { NOBODY: 'signed_curve25519' },
    '@no-one:second.example': { X: 'signed_curve25519' },
  }
  expect((await alice.post('/v3/keys/claim', { one_time_keys })).one_time_keys).toEqual({})
})

it('names of devices are told to other servers where the operator wants that', async () => {
  for (const tellDeviceNames of [true, false]) {
    await using both = await withPeer({ settings: { encryption: { tellDeviceNames } } })
    const bob = await both.server.register('bob')
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    await bob.put(`/v3/devices/${bob.deviceId}`, { display_name: 'Bob’s phone' })
    const body = { device_keys: { [bob.userId]: [] } }
    const answer = await both.peer.ok('first.example', { method: 'POST', uri: QUERY, body })
    const named = { device_display_name: 'Bob’s phone' }
    expect(answer.device_keys[bob.userId][bob.deviceId].unsigned).toEqual(tellDeviceNames ? named : {})
    const listed = await both.peer.get('first.example', `/_matrix/federation/v1/user/devices/${bob.userId}`)
    expect(listed.devices[0].device_display_name).toBe(tellDeviceNames ? 'Bob’s phone' : undefined)
  }
})

it('another server is told of users here alone, and nothing of what they signed of others', async () => {
  await using both = await withPeer()
  const { peer, server } = both
  const [bob, carol] = [await server.register('bob'), await server.register('carol')]
  await upload(bob, { device_keys: deviceKeysOf(bob) })
  const [bobs, carols] = [crossSigningKeys(bob.userId), crossSigningKeys(carol.userId)]
  await uploadSigning(bob, bobs.body)
  await uploadSigning(carol, carols.body)
  const byCarol = signed(
    bobs.body.master_key,
    carol.userId,
    `ed25519:${carols.userSigning.publicKey}`,
    carols.userSigning,
  )
  await uploadSignatures(carol, { [bob.userId]: { [bobs.master.publicKey]: byCarol } })
  const body = {
    device_keys: { [bob.userId]: [], '@x:elsewhere.example': [], '@nobody:first.example': [], strange: [] },
  }
  const answer = await peer.ok('first.example', { method: 'POST', uri: QUERY, body })
  expect(Object.keys(answer.device_keys)).toEqual([bob.userId])
  expect(answer.master_keys[bob.userId]).toEqual(bobs.body.master_key)
  expect(answer).not.toHaveProperty('user_signing_keys')

  const devices = await peer.get(
    'first.example',
    `/_matrix/federation/v1/user/devices/${encodeURIComponent(bob.userId)}`,
  )
  expect(devices).toMatchObject({ user_id: bob.userId, master_key: bobs.body.master_key })
  expect(devices.devices).toHaveLength(1)
  for (const [user, status] of [
    ['@nobody:first.example', 404],
    ['@x:elsewhere.example', 404],
    ['nobody', 400],
  ])
    expect((await peer.request('first.example', { uri: `/_matrix/federation/v1/user/devices/${user}` })).status).toBe(
      status,
    )
})

it('requests without a signature, or of the wrong form, are refused', async () => {
  await using both = await withPeer()
  const { peer } = both
  for (const uri of [QUERY, CLAIM]) {
    const unsigned = await peer.request('first.example', { method: 'POST', uri, body: {}, authorization: null })
    expect([unsigned.status, unsigned.body.errcode]).toEqual([401, 'M_UNAUTHORIZED'])
    for (const body of [
      {},
      { device_keys: { '@a:first.example': {} } },
      { one_time_keys: { '@a:first.example': ['X'] } },
    ])
      expect((await peer.request('first.example', { method: 'POST', uri, body })).status).toBe(400)
  }
})

it('a server that is slow, gone or refuses is a failure, and holds up no other', async () => {
  await using both = await withPeer()
  const { peer, server } = both
  const alice = await server.register('alice')
  const user = `@them:${peer.name}`
  const query = (timeout: number) =>
    alice.post('/v3/keys/query', {
      timeout,
      device_keys: { [user]: [], [alice.userId]: [], '@x:gone.servers.example': [] },
    })
  peer.on('POST', QUERY, () => undefined)
  const slow = await query(500)
  expect(Object.keys(slow.failures).toSorted()).toEqual(['gone.servers.example', peer.name])
  expect(Object.keys(slow.device_keys)).toEqual([alice.userId])
  peer.on('POST', QUERY, () => refusal(403, 'M_FORBIDDEN'))
  expect((await query(5_000)).failures[peer.name]).toMatchObject({ errcode: 'M_FORBIDDEN' })
  peer.on('POST', QUERY, () => reply({ device_keys: { [user]: {} } }))
  const well = await query(5_000)
  expect(Object.keys(well.failures)).toEqual(['gone.servers.example'])
  expect(well.device_keys[user]).toEqual({})
  peer.on('POST', CLAIM, () => refusal(500, 'M_UNKNOWN'))
  const claimed = await alice.post('/v3/keys/claim', { one_time_keys: { [user]: { X: 'signed_curve25519' } } })
  expect([Object.keys(claimed.failures), claimed.one_time_keys]).toEqual([[peer.name], {}])
})

it('what another server tells wrongly is left out, and the rest is taken', async () => {
  await using both = await withPeer()
  const { peer, server } = both
  const alice = await server.register('alice')
  const user = `@them:${peer.name}`
  const keysOf = (deviceId: string, extra: Json = {}) =>
    deviceKeysOf({ userId: user, deviceId } as never, newPair(), extra)
  const theirs = crossSigningKeys(user)
  peer.on('POST', QUERY, () =>
    reply({
      device_keys: {
        [user]: {
          GOOD: { ...keysOf('GOOD'), unsigned: { device_display_name: 'x'.repeat(5_000) } },
          OTHER: keysOf('GOOD'),
          STRANGER: { ...keysOf('STRANGER'), user_id: alice.userId },
          NUMBERS: keysOf('NUMBERS', { algorithms: [1] }),
          LARGE: keysOf('LARGE', { padding: 'x'.repeat(40_000) }),
          TEXT: 'keys',
          ['__proto__']: keysOf('P'),
        },
        [alice.userId]: { FORGED: { ...keysOf('FORGED'), user_id: alice.userId } },
      },
      master_keys: { [user]: theirs.body.master_key },
      // Signed by nobody.
      self_signing_keys: { [user]: crossSigningKeys(user).body.self_signing_key },
      user_signing_keys: { [user]: theirs.body.user_signing_key },
    }),
  )
  const answer = await queryOf(alice, user)
  expect(Object.keys(answer.device_keys)).toEqual([user])
  expect(Object.keys(answer.device_keys[user])).toEqual(['GOOD'])
  expect(answer.device_keys[user].GOOD.unsigned.device_display_name).toHaveLength(100)
  expect(answer.master_keys[user]).toEqual(theirs.body.master_key)
  expect(answer.self_signing_keys).toEqual({})
  expect(answer.user_signing_keys).toEqual({})

  const [good, bad] = [{ key: 'k', signatures: {} }, { signatures: {} }]
  peer.on('POST', CLAIM, () =>
    reply({
      one_time_keys: {
        [user]: {
          GOOD: { 'signed_curve25519:A': good },
          BAD: { 'signed_curve25519:A': bad },
          WRONG: { 'curve25519:A': good },
          UNASKED: { 'signed_curve25519:A': good },
        },
      },
    }),
  )
  const wanted = Object.fromEntries(['GOOD', 'BAD', 'WRONG', 'MISSING'].map((id) => [id, 'signed_curve25519']))
  const claimed = await alice.post('/v3/keys/claim', { one_time_keys: { [user]: wanted } })
  expect(claimed.one_time_keys).toEqual({ [user]: { GOOD: { 'signed_curve25519:A': good } } })
})
