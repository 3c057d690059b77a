import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { claim, deviceKeysOf, fallbackKey, oneTimeKeys, upload } from './fixture.ts'

const countsIn = (sync: Json): unknown => [sync.device_one_time_keys_count, sync.device_unused_fallback_key_types]

onEveryHomeserver('key counts in /sync', (start) => {
  const shared = shareHomeserver(start)
  const client = async (): Promise<TestClient> => (await shared()).register('alice')

  it('are in every answer, also where there are none: signed_curve25519 is 0, and no fallback key is an empty list', async () => {
    const alice = await client()
    const first = await alice.sync()
    expect(countsIn(first)).toEqual([{ signed_curve25519: 0 }, []])
    expect(countsIn(await alice.sync({ since: first.next_batch }))).toEqual([{ signed_curve25519: 0 }, []])
  })

  it('are exact in every answer after an upload, with nothing new too', async () => {
    const alice = await client()
    await upload(alice, {
      one_time_keys: oneTimeKeys('K', 3),
      fallback_keys: { 'signed_curve25519:F': fallbackKey('F') },
    })
    const expected = [{ signed_curve25519: 3 }, ['signed_curve25519']]
    const first = await alice.sync()
    expect(countsIn(first)).toEqual(expected)
    const second = await alice.sync({ since: first.next_batch })
    expect(countsIn(second)).toEqual(expected)
    expect(countsIn(await alice.sync({ since: second.next_batch }))).toEqual(expected)
  })

  it('wake a client that waits when a key is claimed, down to an explicit 0', async () => {
    const alice = await client()
    await upload(alice, { one_time_keys: oneTimeKeys('K', 1) })
    const { next_batch: since } = await alice.sync()
    const waiting = alice.nextSync(since)
    await claim(await client(), alice)
    expect(countsIn(await waiting)).toEqual([{ signed_curve25519: 0 }, []])
  })

  it('wake a client that waits when its fallback key is used for the first time, and not for later times', async () => {
    const alice = await client()
    await upload(alice, { fallback_keys: { 'signed_curve25519:F': fallbackKey('F') } })
    const { next_batch: since } = await alice.sync()
    const waiting = alice.nextSync(since)
    await claim(await client(), alice)
    const woken = await waiting
    expect(countsIn(woken)).toEqual([{ signed_curve25519: 0 }, []])
    await claim(await client(), alice)
    const next = alice.nextSync(woken.next_batch)
    await alice.put(`/v3/user/${alice.userId}/account_data/org.example.done`, { done: true })
    expect((await next).account_data.events).toHaveLength(1)
  })

  it('do not end the wait of the other devices of the user', async () => {
    const alice = await client()
    const phone = await alice.loginAgain()
    const { next_batch: since } = await phone.sync()
    const waiting = phone.nextSync(since)
    await upload(alice, { one_time_keys: oneTimeKeys('K', 1) })
    await alice.put(`/v3/user/${alice.userId}/account_data/org.example.done`, { done: true })
    const woken = await waiting
    expect(woken.account_data.events).toHaveLength(1)
    expect(countsIn(woken)).toEqual([{ signed_curve25519: 0 }, []])
  })

  it('are right after a restart', async () => {
    await using homeserver = await start()
    const alice = await homeserver.register('alice')
    await upload(alice, { one_time_keys: oneTimeKeys('K', 2) })
    const { next_batch: since } = await alice.sync()
    await homeserver.restart()
    expect(countsIn(await alice.sync({ since }))).toEqual([{ signed_curve25519: 2 }, []])
  })
})

onEveryHomeserver('device_lists in /sync', (start) => {
  const shared = shareHomeserver(start)
  const people = async () => {
    const homeserver = await shared()
    return [await homeserver.register('alice'), await homeserver.register('bob')] as const
  }
  const listsSince = async (client: TestClient, since: string): Promise<Json> => {
    const sync = await client.sync({ since })
    const changes = await client.get('/v3/keys/changes', { from: since, to: sync.next_batch })
    expect(changes).toEqual(sync.device_lists)
    return sync.device_lists
  }
  const tokenOf = async (client: TestClient): Promise<string> => (await client.sync()).next_batch

  it('name nobody in a first sync', async () => {
    const [alice, bob] = await people()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    expect((await alice.sync()).device_lists).toEqual({ changed: [], left: [] })
  })

  it('name a user who uploads keys to all who share a room, and wake them', async () => {
    const [alice, bob] = await people()
    await bob.join(await alice.createRoom({ preset: 'public_chat' }))
    const since = await tokenOf(alice)
    const waiting = alice.nextSync(since)
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    expect((await waiting).device_lists).toEqual({ changed: [bob.userId], left: [] })
    expect(await listsSince(alice, since)).toEqual({ changed: [bob.userId], left: [] })
  })

  it('name no stranger, nor one who is only invited', async () => {
    const [alice, bob] = await people()
    await alice.createRoom({ preset: 'public_chat', invite: [bob.userId] })
    const since = await tokenOf(alice)
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    expect(await listsSince(alice, since)).toEqual({ changed: [], left: [] })
  })

  it('always name the user itself for own changes, on each of the own devices', async () => {
    const [alice] = await people()
    const phone = await alice.loginAgain()
    const since = await tokenOf(phone)
    const waiting = phone.nextSync(since)
    await upload(alice, { device_keys: deviceKeysOf(alice) })
    expect((await waiting).device_lists).toEqual({ changed: [alice.userId], left: [] })
  })

  it('name nobody for identical keys, one-time keys, fallback keys, or claims', async () => {
    const [alice, bob] = await people()
    await bob.join(await alice.createRoom({ preset: 'public_chat' }))
    const keys = deviceKeysOf(bob)
    await upload(bob, { device_keys: keys })
    const since = await tokenOf(alice)
    const { keys: publicKeys, ...rest } = keys
    await upload(bob, { device_keys: { keys: publicKeys, ...rest, unsigned: { a: 1 } } })
    await upload(bob, { one_time_keys: oneTimeKeys('K', 1), fallback_keys: { 'a:F': fallbackKey('F') } })
    await claim(alice, bob)
    expect(await listsSince(alice, since)).toEqual({ changed: [], left: [] })
  })

  it('name a user with a new device, a device of another name, a device that was removed, with keys or without', async () => {
    const [alice, bob] = await people()
    await bob.join(await alice.createRoom({ preset: 'public_chat' }))
    const tellsOf = async (act: () => Promise<unknown>): Promise<unknown> => {
      const since = await tokenOf(alice)
      await act()
      return listsSince(alice, since)
    }
    const told = { changed: [bob.userId], left: [] }
    expect(await tellsOf(() => bob.loginAgain({ device_id: 'PHONE' }))).toEqual(told)
    expect(await tellsOf(() => bob.loginAgain({ device_id: 'PHONE' }))).toEqual({ changed: [], left: [] })
    const rename = (): Promise<unknown> => bob.put('/v3/devices/PHONE', { display_name: 'Phone' })
    expect(await tellsOf(rename)).toEqual(told)
    expect(await tellsOf(rename)).toEqual({ changed: [], left: [] })
    const tablet = await bob.loginAgain()
    expect(await tellsOf(() => tablet.post('/v3/logout'))).toEqual(told)
    const desk = await bob.loginAgain()
    await upload(desk, { device_keys: deviceKeysOf(desk) })
    expect(await tellsOf(() => desk.post('/v3/logout'))).toEqual(told)
  })

  describe.each([
    ['the other', (alice: TestClient, bob: TestClient) => ({ mover: bob, watcher: alice })],
    ['the own user', (alice: TestClient, bob: TestClient) => ({ mover: alice, watcher: alice, other: bob })],
  ])('when %s moves', (_, roles) => {
    it('name who joins the first shared room as changed, and who leaves the last one as left', async () => {
      const [alice, bob] = await people()
      const { mover } = roles(alice, bob)
      const owner = mover === alice ? bob : alice
      const [one, two] = [
        await owner.createRoom({ preset: 'public_chat' }),
        await owner.createRoom({ preset: 'public_chat' }),
      ]
      const [start, NOBODY] = [await tokenOf(alice), { changed: [], left: [] }]
      await mover.join(one)
      expect(await listsSince(alice, start)).toEqual({ changed: [bob.userId], left: [] })
      const inOne = await tokenOf(alice)
      await mover.join(two)
      expect(await listsSince(alice, inOne)).toEqual(NOBODY)
      const inBoth = await tokenOf(alice)
      await mover.leave(one)
      expect(await listsSince(alice, inBoth)).toEqual(NOBODY)
      const inTwo = await tokenOf(alice)
      await mover.leave(two)
      expect(await listsSince(alice, inTwo)).toEqual({ changed: [], left: [bob.userId] })
      expect(await listsSince(alice, start)).toEqual(NOBODY)
    })

    it('name who leaves and joins again between two syncs, if their keys changed meanwhile', async () => {
      const [alice, bob] = await people()
      const { mover } = roles(alice, bob)
      const roomId = await (mover === alice ? bob : alice).createRoom({ preset: 'public_chat' })
      await mover.join(roomId)
      const since = await tokenOf(alice)
      await mover.leave(roomId)
      await upload(bob, { device_keys: deviceKeysOf(bob) })
      await mover.join(roomId)
      expect(await listsSince(alice, since)).toEqual({ changed: [bob.userId], left: [] })
    })

    it('name who joins, leaves and joins between two syncs (cumulative)', async () => {
      const [alice, bob] = await people()
      const { mover } = roles(alice, bob)
      const roomId = await (mover === alice ? bob : alice).createRoom({ preset: 'public_chat' })
      const since = await tokenOf(alice)
      await mover.join(roomId)
      await mover.leave(roomId)
      await mover.join(roomId)
      expect(await listsSince(alice, since)).toEqual({ changed: [bob.userId], left: [] })
    })
  })

  it('name who was kicked or banned as left', async () => {
    const [alice, bob] = await people()
    for (const way of ['kick', 'ban'] as const) {
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(roomId)
      const since = await tokenOf(bob)
      await alice[way](roomId, bob.userId)
      expect(await listsSince(bob, since)).toEqual({ changed: [], left: [alice.userId] })
    }
  })

  it('name the members of a room that the user joins, without those known before', async () => {
    const [alice, bob] = await people()
    const others = await Promise.all(Array.from({ length: 8 }, async () => (await shared()).register('member')))
    const big = await bob.createRoom({ preset: 'public_chat' })
    for (const other of others) await other.join(big)
    await others[0]?.join(await alice.createRoom({ preset: 'public_chat' }))
    const since = await tokenOf(alice)
    await alice.join(big)
    const expected = [bob, ...others.slice(1)].map(({ userId }) => userId)
    const lists = await listsSince(alice, since)
    expect(lists.changed.toSorted()).toEqual(expected.toSorted())
    expect(lists.left).toEqual([])
  })

  it('hold over a restart what changed before it', async () => {
    await using homeserver = await start()
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    await bob.join(await alice.createRoom({ preset: 'public_chat' }))
    const since = await tokenOf(alice)
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    await homeserver.restart()
    expect(await listsSince(alice, since)).toEqual({ changed: [bob.userId], left: [] })
  })

  it('are refused by GET /keys/changes for what is no token', async () => {
    const [alice] = await people()
    const token = await tokenOf(alice)
    for (const query of [{ from: 'x', to: token }, { from: token, to: 's1_2' }, { from: token }, { to: token }]) {
      const { status } = await alice.request('GET', '/v3/keys/changes', { query })
      expect(status).toBe(400)
    }
  })
})
