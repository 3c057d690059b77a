import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, type ListWish, SlidingConnection, type SlidingWish } from './connection.ts'

const enc = encodeURIComponent
const KEY = 'org.matrix.msc4262.profiles'
const STATUS = 'org.matrix.msc4426.status'
const CALL = 'org.matrix.msc4426.call'

const asking = (wish: Json = {}, rest: SlidingWish = {}): SlidingWish => ({
  ...rest,
  otherExtensions: { [KEY]: { enabled: true, fields: [STATUS], ...wish } },
})
const usersIn = (answer: Json): Json => answer.extensions[KEY]?.users
const updated = (client: TestClient, fields: Json): Json => ({ [client.userId]: { updated: fields } })
const ALL: Readonly<Record<string, ListWish>> = { all: {} }

onEveryHomeserver('changes of profiles in sliding sync', (start) => {
  const shared = shareHomeserver(start)

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const begin = async () => {
      const homeserver = await shared()
      const [alice, bob, carol] = [
        await homeserver.register('alice'),
        await homeserver.register('bob'),
        await homeserver.register('carol'),
      ]
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(roomId)
      const connection = new SlidingConnection(alice, form, 'room-list')
      return { alice, bob, carol, roomId, connection }
    }

    it('come with the rooms in scope at first, then of all who share a room, and again where an answer was lost', async () => {
      const { alice, bob, carol, roomId, connection } = await begin()
      const other = await alice.createRoom({ preset: 'public_chat' })
      await carol.join(other)
      await bob.setProfileField(STATUS, 'in scope')
      await carol.setProfileField(STATUS, 'not in scope')
      await alice.setProfileField(STATUS, 'own')
      const subscriptions = { [roomId]: {} }
      expect(usersIn(await connection.next(asking({}, { subscriptions })))).toEqual({
        ...updated(alice, { [STATUS]: 'own' }),
        ...updated(bob, { [STATUS]: 'in scope' }),
      })
      expect((await connection.next(asking({}, { subscriptions }))).extensions).toEqual({})
      await carol.setProfileField(STATUS, 'changed')
      await bob.setProfileField(CALL, 'of no concern')
      const lost = await connection.ask(asking({}, { subscriptions }))
      expect(usersIn(lost.body)).toEqual(updated(carol, { [STATUS]: 'changed' }))
      await bob.removeProfileField(STATUS)
      expect(usersIn(await connection.next(asking({}, { subscriptions })))).toEqual({
        ...updated(carol, { [STATUS]: 'changed' }),
        [bob.userId]: { removed: [STATUS] },
      })
      const wide = { subscriptions: { ...subscriptions, [other]: {} } }
      expect(usersIn(await connection.next(asking({}, wide))), 'a room comes into scope').toMatchObject(
        updated(carol, { [STATUS]: 'changed' }),
      )
      expect(usersIn(await connection.next(asking({}, wide)))).toBeUndefined()
    })

    it('wake a connection that waits, in scope or not', async () => {
      const { bob, connection } = await begin()
      await connection.next(asking())
      const waiting = connection.next({ ...asking(), timeout: 60_000 })
      await bob.setProfileField(STATUS, 'awake')
      expect(usersIn(await waiting)).toEqual(updated(bob, { [STATUS]: 'awake' }))
    })

    it('begin with who comes, and end with null for who shares no room any more', async () => {
      const { alice, bob, carol, roomId, connection } = await begin()
      await carol.setProfileField(STATUS, 'coming')
      await connection.next(asking({}, { lists: ALL }))
      await carol.join(roomId)
      expect(usersIn(await connection.next(asking({}, { lists: ALL })))).toEqual(updated(carol, { [STATUS]: 'coming' }))
      await carol.leave(roomId)
      await carol.setProfileField(STATUS, 'unheard')
      expect(usersIn(await connection.next(asking({}, { lists: ALL })))).toEqual({ [carol.userId]: null })
      await carol.setProfileField(STATUS, 'unheard too')
      await alice.leave(roomId)
      await bob.setProfileField(STATUS, 'unheard')
      expect(usersIn(await connection.next(asking({}, { lists: ALL })))).toEqual({ [bob.userId]: null })
    })

    it('are of the fields that are asked for, all where none is named; others begin anew', async () => {
      const { alice, bob, connection } = await begin()
      await bob.setProfileField(STATUS, 'here')
      await bob.setProfileField(CALL, { call_joined_ts: 1 })
      expect(usersIn(await connection.next(asking({}, { lists: ALL })))).toEqual(updated(bob, { [STATUS]: 'here' }))
      const more = asking({ fields: [STATUS, CALL] }, { lists: ALL })
      expect(usersIn(await connection.next(more))).toEqual(
        updated(bob, { [STATUS]: 'here', [CALL]: { call_joined_ts: 1 } }),
      )
      expect(usersIn(await connection.next(more))).toBeUndefined()
      const all = usersIn(await connection.next(asking({ fields: undefined }, { lists: ALL })))
      expect(all[bob.userId].updated).toMatchObject({ [STATUS]: 'here', [CALL]: { call_joined_ts: 1 } })
      expect(Object.keys(all).sort()).toEqual([alice.userId, bob.userId].sort())
      expect((await connection.next(asking({ fields: [] }, { lists: ALL }))).extensions).toEqual({})
      expect((await connection.next(asking({ enabled: false }, { lists: ALL }))).extensions).toEqual({})
      for (const fields of ['a', [1], ['a'.repeat(256)], Array(101).fill('a')]) {
        const { status, body } = await connection.ask(asking({ fields }))
        expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      }
    })

    it('of ignored users are not told', async () => {
      const { alice, bob, roomId, connection } = await begin()
      await bob.setProfileField(STATUS, 'here')
      await connection.next(asking({}, { lists: ALL }))
      await alice.put(`/v3/user/${enc(alice.userId)}/account_data/m.ignored_user_list`, {
        ignored_users: { [bob.userId]: {} },
      })
      expect(usersIn(await connection.next(asking({}, { lists: ALL })))).toEqual({ [bob.userId]: null })
      await bob.setProfileField(STATUS, 'unheard')
      expect(usersIn(await connection.next(asking({}, { lists: ALL })))).toBeUndefined()
      const fresh = new SlidingConnection(alice, form, 'fresh')
      expect(usersIn(await fresh.next(asking({}, { subscriptions: { [roomId]: {} } })))).toBeUndefined()
    })
  })
})
