import { describe, expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection, type SlidingWish } from './connection.ts'

const enc = encodeURIComponent
const KEY = 'io.element.msc4308.thread_subscriptions'
const LIST = '/unstable/io.element.msc4308/thread_subscriptions'
const asking = (limit?: number): SlidingWish => ({
  otherExtensions: { [KEY]: { enabled: true, ...(limit === undefined ? {} : { limit }) } },
})

onEveryHomeserver('thread subscriptions in sliding sync', (start) => {
  const shared = shareHomeserver(start)

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const begin = async (threads: number) => {
      const alice = await (await shared()).register('alice')
      const roomId = await alice.createRoom()
      const roots: string[] = []
      for (let sent = 0; sent < threads; sent++) roots.push(await alice.sendText(roomId, `root ${sent}`))
      const path = (number: number): string =>
        `/unstable/io.element.msc4306/rooms/${enc(roomId)}/thread/${enc(roots[number] as string)}/subscription`
      const connection = new SlidingConnection(alice, form, 'room-list')
      /** Numbers of threads and what they were told as, the one that changed last at the end. */
      const told = (changes: Json): string[] => {
        const found: [number, string][] = []
        for (const kind of ['subscribed', 'unsubscribed'])
          for (const [root, { bump_stamp, automatic }] of Object.entries<Json>(changes?.[kind]?.[roomId] ?? {}))
            found.push([bump_stamp, `${roots.indexOf(root)} ${kind}${automatic === undefined ? '' : ` ${automatic}`}`])
        return found.sort(([one], [other]) => one - other).map(([, text]) => text)
      }
      const ofAnswer = (answer: Json): Json => answer.extensions[KEY]
      return { alice, path, connection, told, ofAnswer }
    }

    it('come all at first, then as they change, and wake', async () => {
      const { alice, path, connection, told, ofAnswer } = await begin(2)
      await alice.put(path(0), {})
      expect(told(ofAnswer(await connection.next(asking())))).toEqual(['0 subscribed false'])
      expect((await connection.next(asking())).extensions).toEqual({})
      const waiting = connection.next({ ...asking(), timeout: 60_000 })
      await alice.put(path(1), {})
      expect(told(ofAnswer(await waiting))).toEqual(['1 subscribed false'])
      await alice.delete(path(0))
      const { body } = await connection.ask(asking())
      expect(told(ofAnswer(body))).toEqual(['0 unsubscribed'])
      expect(told(ofAnswer(await connection.next(asking()))), 'the answer was lost').toEqual(['0 unsubscribed'])
    })

    it('beyond the limit are in the list, between the tokens of the request and of the answer', async () => {
      const { alice, path, connection, told, ofAnswer } = await begin(4)
      await alice.put(path(3), {})
      await connection.next(asking())
      const { pos: to } = connection
      for (const thread of [0, 1, 2]) await alice.put(path(thread), {})
      const changes = ofAnswer(await connection.next(asking(1)))
      expect(told(changes)).toEqual(['2 subscribed false'])
      const rest = await alice.get(LIST, { dir: 'b', from: changes.prev_batch, to })
      expect([told(rest), rest.end]).toEqual([['0 subscribed false', '1 subscribed false'], undefined])
    })

    it('are refused with a limit that is no positive integer', async () => {
      const { connection } = await begin(0)
      for (const limit of [0, -1, 0.5, '1']) {
        const { status, body } = await connection.ask(asking(limit as number))
        expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      }
    })
  })
})
