import { describe, expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection, type SlidingWish } from './connection.ts'

const enc = encodeURIComponent
const TYPING = { typing: { enabled: true } }
const ALL: SlidingWish = { lists: { all: {} }, extensions: TYPING }
const MINUTES = 120_000

onEveryHomeserver('typing in sliding sync', (start) => {
  const shared = shareHomeserver(start)

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const begin = async (homeserver = shared()) => {
      const server = await homeserver
      const [alice, bob] = [await server.register('alice'), await server.register('bob')]
      const roomId = await bob.createRoom({ preset: 'public_chat' })
      await alice.join(roomId)
      return { homeserver: server, alice, bob, roomId, connection: new SlidingConnection(alice, form, 'room-list') }
    }
    const typists = (connection: SlidingConnection, answer: Json, roomId: string): Json => {
      const told = connection.extension(answer, 'typing')?.rooms?.[roomId]
      if (told === undefined) return undefined
      expect(Object.keys(told).sort()).toEqual(form === 'legacy' ? ['content', 'type'] : ['user_ids'])
      return form === 'legacy' ? told.content.user_ids : told.user_ids
    }

    it('tells who types at first, then each change, and wakes for it', async () => {
      const { bob, roomId, connection } = await begin()
      await bob.typing(roomId, MINUTES)
      expect(typists(connection, await connection.next(ALL), roomId)).toEqual([bob.userId])
      expect((await connection.next(ALL)).extensions).toEqual({})
      const waiting = connection.next({ ...ALL, timeout: 60_000 })
      await bob.typing(roomId, 0)
      const answer = await waiting
      expect(typists(connection, answer, roomId)).toEqual([])
      expect(answer.rooms).toEqual({})
    })

    it('tells of rooms in scope alone, and of one that comes into scope', async () => {
      const { alice, bob, roomId, connection } = await begin()
      const other = await alice.createRoom()
      await alice.sendText(other, 'on top')
      const newest: SlidingWish = { lists: { newest: { range: [0, 0] } }, extensions: TYPING }
      await connection.next(newest)
      await bob.typing(roomId, MINUTES)
      expect((await connection.next(newest)).extensions).toEqual({})
      await bob.sendText(roomId, 'up')
      expect(typists(connection, await connection.next(newest), roomId)).toEqual([bob.userId])
      const listless: SlidingWish = { ...ALL, extensions: { typing: { enabled: true, lists: [], rooms: [other] } } }
      expect((await new SlidingConnection(alice, form, 'other').next(listless)).extensions).toEqual({})
      const subscribed = {
        ...listless,
        subscriptions: { [roomId]: {} },
        extensions: { typing: { enabled: true, lists: [] } },
      }
      const connected = new SlidingConnection(alice, form, 'other')
      expect(typists(connected, await connected.next(subscribed), roomId)).toEqual([bob.userId])
    })

    it('tells who types in a room that is opened, where only opened rooms are asked for', async () => {
      const { bob, roomId, connection } = await begin()
      const opened = { typing: { enabled: true, lists: [] } }
      await bob.typing(roomId, MINUTES)
      expect((await connection.next({ ...ALL, extensions: opened })).extensions).toEqual({})
      const answer = await connection.next({ ...ALL, extensions: opened, subscriptions: { [roomId]: {} } })
      expect(typists(connection, answer, roomId)).toEqual([bob.userId])
    })

    it('tells nothing of a room that the user was kicked from', async () => {
      const { alice, bob, roomId, connection } = await begin()
      await connection.next(ALL)
      await bob.kick(roomId, alice.userId)
      await bob.typing(roomId, MINUTES)
      const answer = await connection.next(ALL)
      expect(Object.keys(answer.rooms)).toEqual([roomId])
      expect(answer.extensions).toEqual({})
    })

    it('does not name the ignored', async () => {
      const { alice, bob, roomId, connection } = await begin()
      const path = `/v3/user/${enc(alice.userId)}/account_data/m.ignored_user_list`
      await alice.put(path, { ignored_users: { [bob.userId]: {} } })
      await connection.next(ALL)
      await bob.typing(roomId, MINUTES)
      await alice.typing(roomId, MINUTES)
      expect(typists(connection, await connection.next(ALL), roomId)).toEqual([alice.userId])
    })

    it('tells of a room that comes back into scope that somebody stopped while it was away', async () => {
      await using homeserver = await start()
      const { alice, bob, roomId, connection } = await begin(Promise.resolve(homeserver))
      const other = await alice.createRoom()
      const newest: SlidingWish = { lists: { newest: { range: [0, 0] } }, extensions: TYPING }
      for (const stop of [() => bob.typing(roomId, 0), () => homeserver.restart()]) {
        await bob.sendText(roomId, 'on top')
        await bob.typing(roomId, MINUTES)
        expect(typists(connection, await connection.next(newest), roomId)).toEqual([bob.userId])
        await alice.sendText(other, 'on top')
        await connection.next(newest)
        await stop()
        await connection.next(newest)
        await bob.sendText(roomId, 'on top')
        expect(typists(connection, await connection.next(newest), roomId)).toEqual([])
      }
    })

    it('tells that nobody types any more after a restart', async () => {
      await using homeserver = await start()
      const { bob, roomId, connection } = await begin(Promise.resolve(homeserver))
      await bob.typing(roomId, MINUTES)
      await connection.next(ALL)
      await homeserver.restart()
      expect(typists(connection, await connection.next(ALL), roomId)).toEqual([])
    })
  })
})
