import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, keyOf, SlidingConnection } from './connection.ts'

const enc = encodeURIComponent

/** Sends messages with bodies `from` to `to` to all devices of a user. */
const tell = async (sender: TestClient, { userId }: TestClient, from: number, to = from): Promise<void> => {
  for (let body = from; body <= to; body++) {
    const path = `/v3/sendToDevice/org.example.told/${sender.nextTransaction()}`
    await sender.put(path, { messages: { [userId]: { '*': { body } } } })
  }
}

onEveryHomeserver('to_device of sliding sync', (start) => {
  const shared = shareHomeserver(start)
  const pair = async () => {
    const homeserver = await shared()
    return { homeserver, alice: await homeserver.register('alice'), bob: await homeserver.register('bob') }
  }

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const bodiesOf = (connection: SlidingConnection, answer: Json): unknown[] =>
      (connection.extension(answer, 'to_device')?.events ?? []).map(({ content }: Json) => content.body)
    const asking = (config: Json = {}) => ({ extensions: { to_device: { enabled: true, ...config } } })

    it('tells messages until its own token acknowledges them, whatever the position', async () => {
      const { alice, bob } = await pair()
      await tell(bob, alice, 1, 2)
      const connection = new SlidingConnection(alice, form, 'encryption')
      const first = await connection.next(asking())
      expect(connection.extension(first, 'to_device')).toEqual({
        next_batch: expect.any(String),
        events: [1, 2].map((body) => ({ type: 'org.example.told', sender: bob.userId, content: { body } })),
      })
      const { next_batch: since } = connection.extension(first, 'to_device')
      expect(bodiesOf(connection, await connection.next(asking())), 'without a token').toEqual([1, 2])
      expect(bodiesOf(connection, await connection.next(asking({ since })))).toEqual([])
      await tell(bob, alice, 3)
      expect(bodiesOf(connection, await connection.next(asking({ since })))).toEqual([3])
      expect(bodiesOf(connection, await connection.next(asking({ since }))), 'the answer was lost').toEqual([3])
      const anew = new SlidingConnection(alice, form, 'other')
      expect(bodiesOf(anew, await anew.next(asking())), 'acknowledged on another connection').toEqual([3])
    })

    it('keeps the messages of each device apart', async () => {
      const { alice, bob } = await pair()
      const laptop = await alice.loginAgain()
      await tell(bob, alice, 1)
      const phone = new SlidingConnection(alice, form)
      const first = await phone.next(asking())
      await phone.next(asking({ since: phone.extension(first, 'to_device').next_batch }))
      const other = new SlidingConnection(laptop, form)
      expect(bodiesOf(other, await other.next(asking()))).toEqual([1])
    })

    it('tells at most as many as asked for and 100, in order, and the rest at once', async () => {
      const { alice, bob } = await pair()
      await tell(bob, alice, 1, 105)
      const connection = new SlidingConnection(alice, form)
      const first = await connection.next(asking({ limit: 1_000 }))
      expect(bodiesOf(connection, first)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
      let { next_batch: since } = connection.extension(first, 'to_device')
      const second = await connection.next({ ...asking({ limit: 2, since }), timeout: 60_000 })
      expect(bodiesOf(connection, second)).toEqual([101, 102])
      since = connection.extension(second, 'to_device').next_batch
      const third = await connection.next({ ...asking({ since }), timeout: 60_000 })
      expect(bodiesOf(connection, third)).toEqual([103, 104, 105])
    })

    it('refuses limits that are no positive integer, and acknowledges nothing by them', async () => {
      const { alice, bob } = await pair()
      await tell(bob, alice, 1)
      const connection = new SlidingConnection(alice, form)
      const first = await connection.next(asking())
      const { next_batch: since } = connection.extension(first, 'to_device')
      for (const limit of [0, -1, 1.5, '5']) {
        const { status, body } = await connection.ask(asking({ limit, since }))
        expect([status, body.errcode, limit]).toEqual([400, 'M_INVALID_PARAM', limit])
      }
      expect(bodiesOf(connection, await connection.next(asking()))).toEqual([1])
    })

    it('refuses what is no token', async () => {
      const { alice } = await pair()
      const connection = new SlidingConnection(alice, form)
      for (const since of ['', 'x', '12', 'd', 'd1x', 'd99999999999999999999', 5]) {
        const { status, body } = await connection.ask(asking({ since }))
        expect([status, body.errcode, since]).toEqual([400, 'M_INVALID_PARAM', since])
      }
    })

    it('takes a token from a lost future for none, or refuses it, and removes nothing', async () => {
      const { alice, bob } = await pair()
      await tell(bob, alice, 1)
      const connection = new SlidingConnection(alice, form)
      const { status, body } = await connection.ask(asking({ since: 'd9999999999' }))
      if (form === 'v4') expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      else expect([status, bodiesOf(connection, body)]).toEqual([200, [1]])
      expect(bodiesOf(connection, await connection.next(asking()))).toEqual([1])
    })

    it('wakes a connection that waits, and its own stream alone does', async () => {
      const { alice, bob } = await pair()
      const roomId = await bob.createRoom({ preset: 'public_chat' })
      await alice.join(roomId)
      const connection = new SlidingConnection(alice, form)
      const first = await connection.next({ extensions: { to_device: { enabled: true }, e2ee: { enabled: true } } })
      const since = connection.extension(first, 'to_device')?.next_batch
      let isAnswered = false
      const waiting = connection
        .next({
          extensions: { to_device: { enabled: true, ...(since && { since }) }, e2ee: { enabled: true } },
          timeout: 60_000,
        })
        .finally(() => {
          isAnswered = true
        })
      // Each of these would have been answered before the next request is.
      const eventId = await bob.sendText(roomId, 'not for keys')
      await bob.receipt(roomId, eventId)
      await bob.typing(roomId, 10_000)
      await alice.put(`/v3/user/${enc(alice.userId)}/account_data/org.example.a`, { a: 1 })
      expect(isAnswered).toBe(false)
      await tell(bob, alice, 1)
      expect(bodiesOf(connection, await waiting)).toEqual([1])
    })

    it('is good for as long as its device, across restarts', async () => {
      await using homeserver = await start()
      const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
      await tell(bob, alice, 1)
      const connection = new SlidingConnection(alice, form)
      const first = await connection.next(asking())
      const { next_batch: since } = connection.extension(first, 'to_device')
      await homeserver.restart()
      await tell(bob, alice, 2)
      expect(bodiesOf(connection, await connection.next(asking({ since })))).toEqual([2])
    })

    it('is left out where it is not enabled, and refused where it is no object or enabled is no boolean', async () => {
      const { alice } = await pair()
      const connection = new SlidingConnection(alice, form)
      for (const enabled of [false, null, undefined]) {
        const answer = await connection.next({ extensions: { to_device: { enabled } } })
        expect(answer.extensions).toEqual({})
      }
      const { status, body } = await connection.ask({ extensions: { to_device: { enabled: 'yes' } } })
      expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      const wrong = await connection.ask({ otherExtensions: { [keyOf(form, 'to_device')]: 'yes' } })
      expect([wrong.status, wrong.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      const unknown = await connection.ask({ otherExtensions: { 'org.example.unknown': { enabled: true } } })
      expect([unknown.status, unknown.body.extensions]).toEqual([200, {}])
    })
  })
})
