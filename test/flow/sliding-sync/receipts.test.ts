import { describe, expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection, type SlidingWish } from './connection.ts'

const enc = encodeURIComponent
const RECEIPTS = { receipts: { enabled: true } }
const all = (timelineLimit = 2): SlidingWish => ({ lists: { all: { timelineLimit } }, extensions: RECEIPTS })

onEveryHomeserver('receipts in sliding sync', (start) => {
  const shared = shareHomeserver(start)

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const begin = async () => {
      const homeserver = await shared()
      const [alice, bob, carol] = [
        await homeserver.register('alice'),
        await homeserver.register('bob'),
        await homeserver.register('carol'),
      ]
      const roomId = await bob.createRoom({ preset: 'public_chat' })
      await alice.join(roomId)
      await carol.join(roomId)
      const events: string[] = []
      for (let sent = 0; sent < 5; sent++) events.push(await bob.sendText(roomId, `message ${sent}`))
      const numberOf = (eventId: string): number => events.indexOf(eventId)
      const connection = new SlidingConnection(alice, form, 'room-list')
      /** `type user event thread`. */
      const told = (answer: Json): string[] => {
        const text: string[] = []
        const room = connection.extension(answer, 'receipts')?.rooms?.[roomId]
        if (room !== undefined && form === 'legacy') expect(room.type).toBe('m.receipt')
        for (const [eventId, types] of Object.entries<Json>((form === 'legacy' ? room?.content : room) ?? {}))
          for (const [type, users] of Object.entries<Json>(types))
            for (const [userId, { ts, thread_id = '-' }] of Object.entries<Json>(users)) {
              expect(ts).toBeGreaterThan(0)
              text.push([type, userId.slice(1, userId.search(/[-:]/)), numberOf(eventId), thread_id].join(' '))
            }
        return text.sort()
      }
      return { alice, bob, carol, roomId, events, connection, told }
    }

    it('come at first with the events shown, and the own ones all: threads and private ones too', async () => {
      const { alice, bob, carol, roomId, events, connection, told } = await begin()
      const [first = '', , , fourth = '', fifth = ''] = events
      await bob.receipt(roomId, first)
      await carol.receipt(roomId, fifth)
      await carol.receipt(roomId, fifth, 'm.read.private')
      await alice.receipt(roomId, first)
      await alice.receipt(roomId, fourth, 'm.read', { thread_id: 'main' })
      await alice.receipt(roomId, fourth, 'm.read.private')
      expect(told(await connection.next(all()))).toEqual(
        ['m.read alice 0 -', 'm.read alice 3 main', 'm.read carol 4 -', 'm.read.private alice 3 -'].sort(),
      )
      expect((await connection.next(all())).extensions).toEqual({})
    })

    it('of one person on one event with a thread and without have room for that without, which counts for all', async () => {
      const { alice, roomId, events, connection, told } = await begin()
      const [first = ''] = events
      await alice.receipt(roomId, first)
      await alice.receipt(roomId, first, 'm.read', { thread_id: 'main' })
      expect(told(await connection.next(all()))).toEqual(['m.read alice 0 -'])
    })

    it('come when they move, those of several people together, and wake', async () => {
      const { alice, bob, carol, roomId, events, connection, told } = await begin()
      await connection.next(all())
      const waiting = connection.next({ ...all(), timeout: 60_000 })
      await bob.receipt(roomId, events[1] as string)
      expect(told(await waiting)).toEqual(['m.read bob 1 -'])
      await bob.receipt(roomId, events[4] as string)
      await carol.receipt(roomId, events[4] as string)
      await carol.receipt(roomId, events[4] as string, 'm.read.private')
      await alice.receipt(roomId, events[4] as string, 'm.read.private')
      const moved = ['m.read bob 4 -', 'm.read carol 4 -', 'm.read.private alice 4 -'].sort()
      expect(told((await connection.ask(all())).body)).toEqual(moved)
      expect(told(await connection.next(all())), 'the answer was lost').toEqual(moved)
    })

    it('come with events that are shown because more are asked for', async () => {
      const { bob, roomId, events, connection, told } = await begin()
      await bob.receipt(roomId, events[1] as string)
      expect(told(await connection.next(all()))).toEqual([])
      expect(told(await connection.next(all(5)))).toEqual(['m.read bob 1 -'])
    })

    it('that moved while the room was out of scope come when it is back', async () => {
      const { alice, bob, roomId, events, connection, told } = await begin()
      const newest: SlidingWish = { lists: { newest: { range: [0, 0], timelineLimit: 1 } }, extensions: RECEIPTS }
      await connection.next(newest)
      await alice.createRoom()
      await connection.next(newest)
      await bob.receipt(roomId, events[1] as string)
      expect(told(await connection.next(newest)), 'out of scope').toEqual([])
      await bob.sendText(roomId, 'up')
      expect(told(await connection.next(newest))).toEqual(['m.read bob 1 -'])
    })

    it('of a room that the user is not in any more do not come, and those shown come when they are back', async () => {
      const { alice, bob, roomId, events, connection, told } = await begin()
      await alice.receipt(roomId, events[0] as string)
      await connection.next(all())
      await bob.kick(roomId, alice.userId)
      await bob.receipt(roomId, events[4] as string)
      expect(told(await connection.next(all()))).toEqual([])
      await alice.join(roomId)
      expect(told(await connection.next(all(10)))).toEqual(['m.read alice 0 -', 'm.read bob 4 -'])
    })

    it('of several people on one event come together, and nobody of them is lost', async () => {
      const { bob, carol, roomId, events, connection, told } = await begin()
      await connection.next(all())
      await carol.receipt(roomId, events[4] as string)
      await bob.receipt(roomId, events[4] as string)
      await bob.receipt(roomId, events[3] as string, 'm.read', { thread_id: 'main' })
      expect(told(await connection.next(all()))).toEqual(['m.read bob 3 main', 'm.read bob 4 -', 'm.read carol 4 -'])
    })

    it('of oneself move the counts, which come again in the form that has counts; those of others do not', async () => {
      const { alice, bob, carol, roomId, events, connection } = await begin()
      const phone = await alice.loginAgain()
      await bob.createRoom({ invite: [alice.userId] })
      // Lists alone: the counts do not depend on an extension.
      const wish: SlidingWish = { lists: { all: { timelineLimit: 1 } } }
      const countsOf = (answer: Json): Json => ({
        rooms: Object.keys(answer.rooms ?? {}),
        counts: answer.rooms?.[roomId]?.notification_count,
        timeline: answer.rooms?.[roomId]?.timeline ?? [],
      })
      const isTold = form === 'legacy'
      const first = await connection.next(wish)
      expect(first.rooms[roomId].notification_count).toBe(isTold ? 5 : undefined)
      await carol.receipt(roomId, events[4] as string)
      expect(countsOf(await connection.next(wish)).rooms).toEqual([])
      for (const [event, type, unread] of [
        [1, 'm.read', 3],
        [2, 'm.read.private', 2],
        [4, 'm.read', 0],
      ] as const) {
        await phone.receipt(roomId, events[event] as string, type)
        const told = { rooms: isTold ? [roomId] : [], counts: isTold ? unread : undefined, timeline: [] }
        expect(countsOf(await connection.next(wish))).toEqual(told)
      }
      expect(countsOf(await connection.next(wish)).rooms).toEqual([])
    })

    it('of the ignored do not come', async () => {
      const { alice, bob, roomId, events, connection, told } = await begin()
      const path = `/v3/user/${enc(alice.userId)}/account_data/m.ignored_user_list`
      await alice.put(path, { ignored_users: { [bob.userId]: {} } })
      await bob.receipt(roomId, events[4] as string)
      expect(told(await connection.next(all()))).toEqual([])
    })
  })
})
