import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { claim, deviceKeysOf, fallbackKey, oneTimeKeys, upload } from '../encryption/fixture.ts'
import { FORMS, type Form, SlidingConnection } from './connection.ts'

const E2EE = { extensions: { e2ee: { enabled: true } } }

onEveryHomeserver('e2ee of sliding sync', (start) => {
  const shared = shareHomeserver(start)
  const pair = async () => {
    const homeserver = await shared()
    return { homeserver, alice: await homeserver.register('alice'), bob: await homeserver.register('bob') }
  }
  const newDevice = (client: TestClient): Promise<Json> => upload(client, { device_keys: deviceKeysOf(client) })

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const told = (connection: SlidingConnection, answer: Json): Json => connection.extension(answer, 'e2ee')
    const listsOf = (connection: SlidingConnection, answer: Json): Json => told(connection, answer).device_lists
    const sharing = async () => {
      const { homeserver, alice, bob } = await pair()
      const roomId = await bob.createRoom({ preset: 'public_chat' })
      await alice.join(roomId)
      const connection = new SlidingConnection(alice, form, 'encryption')
      return { homeserver, alice, bob, roomId, connection }
    }

    it('has counts and types of keys in every answer, and no device lists where nobody changed, nor in a first answer', async () => {
      const { alice, bob, connection } = await sharing()
      await newDevice(bob)
      const nothing = { device_one_time_keys_count: { signed_curve25519: 0 }, device_unused_fallback_key_types: [] }
      expect(told(connection, await connection.next(E2EE))).toEqual(nothing)
      expect(told(connection, await connection.next(E2EE))).toEqual(nothing)
      await upload(alice, {
        one_time_keys: oneTimeKeys('K', 3),
        fallback_keys: { 'signed_curve25519:F': fallbackKey('F') },
      })
      const some = {
        device_one_time_keys_count: { signed_curve25519: 3 },
        device_unused_fallback_key_types: ['signed_curve25519'],
      }
      expect(told(connection, await connection.next(E2EE))).toEqual(some)
      expect(told(connection, await connection.next(E2EE))).toEqual(some)
    })

    it('wakes for a key that is claimed', async () => {
      const { alice, bob, connection } = await sharing()
      await upload(alice, { one_time_keys: oneTimeKeys('K', 1) })
      await connection.next(E2EE)
      const waiting = connection.next({ ...E2EE, timeout: 60_000 })
      await claim(bob, alice)
      expect(told(connection, await waiting).device_one_time_keys_count).toEqual({ signed_curve25519: 0 })
    })

    it('wakes for new keys of whoever shares a room, and tells them again while the position stays', async () => {
      const { bob, connection } = await sharing()
      await connection.next(E2EE)
      const { pos } = connection
      const waiting = connection.next({ ...E2EE, timeout: 60_000 })
      await newDevice(bob)
      expect(listsOf(connection, await waiting)).toEqual({ changed: [bob.userId], left: [] })
      const again = await connection.ask(E2EE, pos)
      expect(listsOf(connection, again.body), 'the answer was lost').toEqual({ changed: [bob.userId], left: [] })
      expect(listsOf(connection, await connection.next(E2EE))).toBeUndefined()
    })

    it('wakes for who comes into a shared room, and for who goes', async () => {
      const { homeserver, roomId, connection } = await sharing()
      const carol = await homeserver.register('carol')
      await connection.next(E2EE)
      const coming = connection.next({ ...E2EE, timeout: 60_000 })
      await carol.join(roomId)
      expect(listsOf(connection, await coming)).toEqual({ changed: [carol.userId], left: [] })
      const going = connection.next({ ...E2EE, timeout: 60_000 })
      await carol.leave(roomId)
      expect(listsOf(connection, await going)).toEqual({ changed: [], left: [carol.userId] })
    })

    it('tells of changes since the position where it is asked for on the way', async () => {
      const { bob, connection } = await sharing()
      await connection.next()
      await newDevice(bob)
      const answer = await connection.next(E2EE)
      expect(listsOf(connection, answer)).toEqual({ changed: [bob.userId], left: [] })
      expect(told(connection, answer).device_one_time_keys_count).toEqual({ signed_curve25519: 0 })
    })

    it('has positions that /keys/changes takes', async () => {
      const { alice, bob, connection } = await sharing()
      const { pos: from } = await connection.next(E2EE)
      await newDevice(bob)
      const { pos: to } = await connection.next(E2EE)
      const changes = await alice.get('/v3/keys/changes', { from, to })
      expect(changes).toEqual({ changed: [bob.userId], left: [] })
      expect(await alice.get('/v3/keys/changes', { from: to, to })).toEqual({ changed: [], left: [] })
    })

    it('goes on from its position after a restart, however long the connection was', async () => {
      await using homeserver = await start()
      const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
      const roomId = await bob.createRoom({ preset: 'public_chat' })
      await alice.join(roomId)
      const connection = new SlidingConnection(alice, form, 'encryption')
      for (let asked = 0; asked < 20; asked++) await connection.next(E2EE)
      await homeserver.restart()
      await newDevice(bob)
      expect(listsOf(connection, await connection.next(E2EE))).toEqual({ changed: [bob.userId], left: [] })
    })
  })
})
