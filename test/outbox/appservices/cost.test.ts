import { describe, expect, it } from 'vitest'
import { Interest } from '#outbox'
import type { ServerName, UserId } from '#spec'
import type { Store, StoredEvent } from '#store'
import { onEveryDatabase } from '../../contract/databases.ts'
import { ALICE, applyTo, BOB, createRoom, member, message } from '../../contract/room-fixtures.ts'

/** The port, with each of its questions noted. */
const noted = <Port extends object>(port: Port, asked: string[]): Port =>
  new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        asked.push(String(name))
        return Reflect.apply(member, target, args)
      }
    },
  })

const service = (user: UserId) => ({
  id: 'irc',
  sender: user,
  registration: {
    url: 'http://127.0.0.1:1',
    hsToken: 'token',
    ephemeral: { stable: false, legacy: false },
    encryption: false,
  },
  hasUser: (userId: UserId) => userId === user,
  hasAlias: () => false,
  hasRoom: () => false,
  owns: (userId: UserId) => userId === user,
})

const interestIn = (store: Store, asked: string[], user: UserId) => {
  const served = service(user)
  const interest = new Interest({
    own: 'localhost' as ServerName,
    rooms: noted(store.rooms, asked),
    users: noted(store.deviceLists, asked),
    services: () => [served],
  })
  return { interest, served }
}

onEveryDatabase('whom an event concerns', (open) => {
  describe('of application services', () => {
    it('is asked of the database once a room, and of no message after that', async () => {
      const store = await open()
      const asked: string[] = []
      const { interest } = interestIn(store, asked, BOB)
      const room = await createRoom(store)
      expect(await interest.servicesIn(room.room)).toEqual([])
      expect(asked.length).toBeLessThanOrEqual(3)
      asked.length = 0
      for (let count = 0; count < 50; count++) {
        await applyTo(store, room, [message({ sender: ALICE })])
        expect(await interest.servicesIn(room.room)).toEqual([])
      }
      expect(asked).toEqual([])
    })

    it('is asked of members once each, however often they are named', async () => {
      const store = await open()
      const asked: string[] = []
      const { interest } = interestIn(store, asked, BOB)
      const room = await createRoom(store)
      await applyTo(store, room, [member(BOB, 'join', { sender: BOB })])
      const users = (await store.rooms.members(room.room, ['join'])).map(({ user }) => user)
      const found = await interest.usersOfServices(users)
      expect([...found.values()]).toEqual([BOB])
      expect(asked).toEqual(users.map(() => 'userIds'))
      asked.length = 0
      expect((await interest.usersOfServices(users)).size).toBe(1)
      expect(asked).toEqual([])
    })

    it('lasts as long as a user of the service is in the room', async () => {
      const store = await open()
      const { interest, served } = interestIn(store, [], BOB)
      const room = await createRoom(store)
      const said: StoredEvent[] = []
      const say = async (): Promise<void> => {
        await applyTo(store, room, [message({ sender: ALICE })])
        said.push(...(await store.rooms.timeline(room.room, { direction: 'backward', limit: 1 })))
      }
      await say()
      await applyTo(store, room, [member(BOB, 'join', { sender: BOB })])
      await say()
      await applyTo(store, room, [member(BOB, 'leave', { sender: BOB })])
      await say()
      const concerns = await Promise.all(said.map((event) => interest.isEventOf(served, event)))
      expect(concerns).toEqual([false, true, false])
      expect(await interest.isRoomOf(served, room.room)).toBe(false)
    })
  })
})
