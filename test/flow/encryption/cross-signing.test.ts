import { expect, it } from 'vitest'
import { type Json, PASSWORD } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { crossSigningKeys, publicKeyObject, uploadSigning, withPassword } from './cross-signing-fixture.ts'
import { newPair, queryOf, signed } from './fixture.ts'

onEveryHomeserver('POST /keys/device_signing/upload', (start) => {
  const shared = shareHomeserver(start)
  const people = async () => {
    const homeserver = await shared()
    return [await homeserver.register('alice'), await homeserver.register('bob')] as const
  }

  it('takes the first keys without authentication, and shows the user-signing key to its owner alone', async () => {
    const [alice, bob] = await people()
    const { body } = crossSigningKeys(alice.userId)
    expect(await uploadSigning(alice, body)).toMatchObject({ status: 200, body: {} })
    const own = await queryOf(alice, alice.userId)
    expect(own.master_keys).toEqual({ [alice.userId]: body.master_key })
    expect(own.self_signing_keys).toEqual({ [alice.userId]: body.self_signing_key })
    expect(own.user_signing_keys).toEqual({ [alice.userId]: body.user_signing_key })
    const others = await queryOf(bob, alice.userId)
    expect(others.master_keys).toEqual(own.master_keys)
    expect(others.self_signing_keys).toEqual(own.self_signing_keys)
    expect(others.user_signing_keys).toEqual({})
  })

  it('takes identical keys again without authentication, all or some of them, and tells nobody', async () => {
    const [alice, bob] = await people()
    await bob.join(await alice.createRoom({ preset: 'public_chat' }))
    const { body } = crossSigningKeys(alice.userId)
    await uploadSigning(alice, body)
    const { next_batch: since } = await bob.sync()
    expect((await uploadSigning(alice, body)).status).toBe(200)
    expect((await uploadSigning(alice, { master_key: body.master_key })).status).toBe(200)
    expect((await uploadSigning(alice, { self_signing_key: body.self_signing_key })).status).toBe(200)
    expect((await bob.sync({ since })).device_lists).toEqual({ changed: [], left: [] })
  })

  it('asks for authentication before keys are replaced, and replaces nothing without', async () => {
    const [alice, bob] = await people()
    const [first, second] = [crossSigningKeys(alice.userId), crossSigningKeys(alice.userId)]
    await uploadSigning(alice, first.body)
    const challenge = await uploadSigning(alice, second.body)
    expect(challenge.status).toBe(401)
    expect(challenge.body.flows).toEqual([{ stages: ['m.login.password'] }])
    expect((await queryOf(bob, alice.userId)).master_keys[alice.userId]).toEqual(first.body.master_key)
    expect((await withPassword(alice, challenge, second.body)).status).toBe(200)
    const found = await queryOf(alice, alice.userId)
    expect(found.master_keys[alice.userId]).toEqual(second.body.master_key)
    expect(found.self_signing_keys[alice.userId]).toEqual(second.body.self_signing_key)
    expect(found.user_signing_keys[alice.userId]).toEqual(second.body.user_signing_key)
  })

  it('replaces the keys of the first request, where the authenticated one names its session only', async () => {
    const [alice] = await people()
    await uploadSigning(alice, crossSigningKeys(alice.userId).body)
    const { body } = crossSigningKeys(alice.userId)
    const challenge = await uploadSigning(alice, body)
    expect((await withPassword(alice, challenge, {})).status).toBe(200)
    expect((await queryOf(alice, alice.userId)).master_keys[alice.userId]).toEqual(body.master_key)
  })

  it('asks for authentication where a new key comes beside an old master key', async () => {
    const [alice] = await people()
    const keys = crossSigningKeys(alice.userId)
    await uploadSigning(alice, { master_key: keys.body.master_key })
    expect((await uploadSigning(alice, keys.body)).status).toBe(401)
    expect((await queryOf(alice, alice.userId)).self_signing_keys).toEqual({})
  })

  it('takes one of two first uploads at the same time; the other has to prove who it is', async () => {
    const [alice] = await people()
    const bodies = Array.from({ length: 6 }, () => crossSigningKeys(alice.userId).body)
    const answers = await Promise.all(bodies.map((body) => uploadSigning(alice, body)))
    const taken = answers.flatMap(({ status }, index) => (status === 200 ? [index] : []))
    expect(taken).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5)
    const found = await queryOf(alice, alice.userId)
    const body = bodies[taken[0] ?? 0]
    expect(found.master_keys[alice.userId]).toEqual(body.master_key)
    expect(found.self_signing_keys[alice.userId]).toEqual(body.self_signing_key)
  })

  it('refuses a key that the master key has not signed: M_INVALID_SIGNATURE, and stores none of the three', async () => {
    const [alice] = await people()
    const { body } = crossSigningKeys(alice.userId)
    const stranger = newPair()
    const { signatures: _, ...unsigned } = body.self_signing_key
    const byStranger = signed(
      unsigned,
      alice.userId,
      `ed25519:${Object.values<string>(body.master_key.keys)[0]}`,
      stranger,
    )
    for (const key of [unsigned, byStranger]) {
      const { status, body: error } = await uploadSigning(alice, { ...body, self_signing_key: key })
      expect([status, error.errcode]).toEqual([400, 'M_INVALID_SIGNATURE'])
    }
    expect((await queryOf(alice, alice.userId)).master_keys).toEqual({})
  })

  it('needs a master key, in the request or stored: M_MISSING_PARAM', async () => {
    const [alice] = await people()
    const { body } = crossSigningKeys(alice.userId)
    for (const keys of [{}, { self_signing_key: body.self_signing_key }]) {
      const { status, body: error } = await uploadSigning(alice, keys)
      expect([status, error.errcode]).toEqual([400, 'M_MISSING_PARAM'])
    }
  })

  it('refuses a public key that is the id of a device of the user: 403', async () => {
    const [alice] = await people()
    const { master, body } = crossSigningKeys(alice.userId)
    await alice.loginAgain({ device_id: master.publicKey })
    const { status, body: error } = await uploadSigning(alice, body)
    expect([status, error.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  const wrong: readonly (readonly [string, (key: Json) => unknown])[] = [
    ['null', () => null],
    ['of another user', (key) => ({ ...key, user_id: '@eve:localhost' })],
    ['with another usage', (key) => ({ ...key, usage: ['self_signing'] })],
    ['without usage', (key) => ({ ...key, usage: undefined })],
    ['without a key', (key) => ({ ...key, keys: {} })],
    ['with two keys', (key) => ({ ...key, keys: { ...key.keys, 'ed25519:x': 'x' } })],
    ['with a key under another name', (key) => ({ ...key, keys: { 'ed25519:other': Object.values(key.keys)[0] } })],
    ['with a key of another algorithm', (key) => ({ ...key, keys: { 'rsa:abc': 'abc' } })],
    ['with a key that is none', (key) => ({ ...key, keys: { 'ed25519:abc': 'abc' } })],
    ['with malformed signatures', (key) => ({ ...key, signatures: { a: 'b' } })],
    ['that is too large', (key) => ({ ...key, extra: 'a'.repeat(10_000) })],
    ['with a number that has a fraction', (key) => ({ ...key, extra: 0.5 })],
  ]
  it.each(wrong)('refuses a master key %s', async (_, change) => {
    const [alice] = await people()
    const { body } = crossSigningKeys(alice.userId)
    expect((await uploadSigning(alice, { ...body, master_key: change(body.master_key) })).status).toBe(400)
    expect((await queryOf(alice, alice.userId)).master_keys).toEqual({})
  })

  it('tells all who share a room of a new key, and of a user-signing key the own devices alone', async () => {
    const [alice, bob] = await people()
    await bob.join(await alice.createRoom({ preset: 'public_chat' }))
    const phone = await alice.loginAgain()
    const keys = crossSigningKeys(alice.userId)
    let [since, ownSince] = [(await bob.sync()).next_batch, (await phone.sync()).next_batch]
    const waiting = bob.nextSync(since)
    await uploadSigning(alice, keys.body)
    const told = await waiting
    expect(told.device_lists).toEqual({ changed: [alice.userId], left: [] })
    expect((await phone.sync({ since: ownSince })).device_lists.changed).toEqual([alice.userId])

    ;[since, ownSince] = [(await bob.sync()).next_batch, (await phone.sync()).next_batch]
    const userSigning = newPair()
    const object = publicKeyObject(alice.userId, 'user_signing', userSigning)
    const byMaster = signed(object, alice.userId, `ed25519:${keys.master.publicKey}`, keys.master)
    const body = { user_signing_key: byMaster }
    const challenge = await uploadSigning(alice, body)
    const ownWaiting = phone.nextSync(ownSince)
    expect((await withPassword(alice, challenge, body)).status).toBe(200)
    expect((await ownWaiting).device_lists).toEqual({ changed: [alice.userId], left: [] })
    expect((await bob.sync({ since })).device_lists).toEqual({ changed: [], left: [] })
    expect((await bob.get('/v3/keys/changes', { from: since, to: (await bob.sync()).next_batch })).changed).toEqual([])
  })

  it('keeps its names from devices that come later, as signatures name both alike', async () => {
    const [alice, bob] = await people()
    const keys = crossSigningKeys(alice.userId)
    await uploadSigning(alice, keys.body)
    for (const { publicKey } of [keys.master, keys.selfSigning, keys.userSigning]) {
      const identifier = { type: 'm.id.user', user: alice.userId }
      const login = { type: 'm.login.password', identifier, password: PASSWORD, device_id: publicKey }
      const { status, body } = await alice.request('POST', '/v3/login', { body: login })
      expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    }
    expect((await alice.get('/v3/devices')).devices).toHaveLength(1)
    // The keys of others are others' business.
    expect((await bob.loginAgain({ device_id: keys.master.publicKey })).deviceId).toBe(keys.master.publicKey)
  })

  it('keeps nothing of an account that ends', async () => {
    const [alice, bob] = await people()
    await uploadSigning(alice, crossSigningKeys(alice.userId).body)
    const identifier = { type: 'm.id.user', user: alice.userId }
    const { body: challenge } = await alice.request('POST', '/v3/account/deactivate', { body: {} })
    const auth = {
      type: 'm.login.password',
      session: challenge.session,
      identifier,
      password: 'correct horse battery staple',
    }
    expect((await alice.request('POST', '/v3/account/deactivate', { body: { auth } })).status).toBe(200)
    expect((await queryOf(bob, alice.userId)).master_keys).toEqual({})
  })
})
