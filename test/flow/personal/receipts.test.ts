import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

const pair = async (homeserver: TestHomeserver) => {
  const alice = await homeserver.register('alice')
  const bob = await homeserver.register('bob')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  return { homeserver, alice, bob, roomId }
}

/** Of all `m.receipt` in a sync: event, type, user and thread. */
// biome-ignore lint/suspicious/noExplicitAny: a response.
const receiptsIn = (sync: any, roomId: string): readonly string[] => {
  const found: string[] = []
  for (const { type, content } of sync.rooms?.join?.[roomId]?.ephemeral?.events ?? []) {
    if (type !== 'm.receipt') continue
    for (const [eventId, types] of Object.entries<Record<string, Record<string, { thread_id?: string }>>>(content)) {
      for (const [kind, users] of Object.entries(types)) {
        for (const [userId, { thread_id }] of Object.entries(users)) {
          found.push([eventId, kind, userId, thread_id ?? '-'].join(' '))
        }
      }
    }
  }
  return found.sort()
}

onEveryHomeserver('receipts', (start) => {
  const shared = shareHomeserver(start)
  it('are told to the room, move forward only, and private ones stay private', async () => {
    const { homeserver, alice, bob, roomId } = await pair(await shared())
    const first = await alice.sendText(roomId, 'one')
    const second = await alice.sendText(roomId, 'two')
    const since = (await alice.sync()).next_batch
    await bob.receipt(roomId, first)
    await bob.receipt(roomId, second, 'm.read.private')
    const got = await alice.sync({ since })
    expect(receiptsIn(got, roomId)).toEqual([`${first} m.read ${bob.userId} -`])
    expect(receiptsIn(await bob.sync(), roomId)).toEqual(
      [`${first} m.read ${bob.userId} -`, `${second} m.read.private ${bob.userId} -`].sort(),
    )
    await bob.receipt(roomId, second)
    const moved = await alice.sync({ since: got.next_batch })
    expect(receiptsIn(moved, roomId)).toEqual([`${second} m.read ${bob.userId} -`])
    await bob.receipt(roomId, first)
    await bob.receipt(roomId, second)
    expect(receiptsIn(await alice.sync({ since: moved.next_batch }), roomId)).toEqual([])
    await homeserver.restart()
    expect(receiptsIn(await alice.sync(), roomId)).toEqual([`${second} m.read ${bob.userId} -`])
  })

  it('of threads stand beside those without', async () => {
    const { alice, bob, roomId } = await pair(await shared())
    const root = await alice.sendText(roomId, 'root')
    const relation = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
    const reply = await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'in', ...relation })
    const reaction = await alice.send(roomId, 'm.reaction', {
      'm.relates_to': { rel_type: 'm.annotation', event_id: reply, key: '+' },
    })
    const last = await alice.sendText(roomId, 'outside')
    await bob.receipt(roomId, last)
    await bob.receipt(roomId, root, 'm.read', { thread_id: 'main' })
    await bob.receipt(roomId, reaction, 'm.read', { thread_id: root })
    expect(receiptsIn(await bob.sync(), roomId)).toEqual(
      [
        `${last} m.read ${bob.userId} -`,
        `${root} m.read ${bob.userId} main`,
        `${reaction} m.read ${bob.userId} ${root}`,
      ].sort(),
    )
    for (const [eventId, thread] of [
      [reply, 'main'],
      [last, root],
      [reaction, 'main'],
      [last, 'other'],
      [last, ''],
      [last, 5],
      [last, null],
    ] as const) {
      const path = `/v3/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`
      const refused = await bob.request('POST', path, { body: { thread_id: thread } })
      expect([refused.status, refused.body.errcode], String(thread)).toEqual([400, 'M_INVALID_PARAM'])
    }
  })

  it('of one event, with and without a thread, are told as the one without: one entry has room for no more', async () => {
    const { alice, bob, roomId } = await pair(await shared())
    for (const order of [
      [{}, { thread_id: 'main' }],
      [{ thread_id: 'main' }, {}],
    ]) {
      const event = await alice.sendText(roomId, 'hello')
      const { next_batch: since } = await alice.sync()
      for (const body of order) await bob.receipt(roomId, event, 'm.read', body)
      const expected = [`${event} m.read ${bob.userId} -`]
      expect(receiptsIn(await alice.sync({ since }), roomId)).toEqual(expected)
      expect(receiptsIn(await alice.sync(), roomId)).toEqual(expected)
    }
  })

  it('and the fully-read marker are set by one request, which does all or nothing', async () => {
    const { alice, bob, roomId } = await pair(await shared())
    const first = await alice.sendText(roomId, 'one')
    const second = await alice.sendText(roomId, 'two')
    const path = `/v3/rooms/${enc(roomId)}/read_markers`
    const marker = `/v3/user/${enc(bob.userId)}/rooms/${enc(roomId)}/account_data/m.fully_read`
    const since = (await bob.sync()).next_batch
    await bob.post(path, { 'm.fully_read': second, 'm.read': second, 'm.read.private': first })
    expect(await bob.get(marker)).toEqual({ event_id: second })
    const sync = await bob.sync({ since })
    expect(receiptsIn(sync, roomId).length).toBe(2)
    expect(sync.rooms.join[roomId].account_data.events).toEqual([
      { type: 'm.fully_read', content: { event_id: second } },
    ])
    await bob.post(path, { 'm.fully_read': first })
    expect(await bob.get(marker)).toEqual({ event_id: second })
    const third = await alice.sendText(roomId, 'three')
    expect((await bob.request('POST', path, { body: { 'm.read': third, 'm.fully_read': '$no' } })).status).toBe(404)
    expect(receiptsIn(await alice.sync(), roomId)).toEqual([`${second} m.read ${bob.userId} -`])
    await bob.receipt(roomId, third, 'm.fully_read')
    expect(await bob.get(marker)).toEqual({ event_id: third })
    await bob.post(path, {})
  })

  it('refuse what does not fit', async () => {
    const { homeserver, alice, bob, roomId } = await pair(await shared())
    const stranger = await homeserver.register('stranger')
    const event = await alice.sendText(roomId, 'one')
    const elsewhere = await stranger.createRoom()
    const foreign = await stranger.sendText(elsewhere, 'not for you')
    const post = async (client: typeof alice, room: string, type: string, eventId: string, body?: unknown) => {
      const path = `/v3/rooms/${enc(room)}/receipt/${enc(type)}/${enc(eventId)}`
      const answer = await client.request('POST', path, body === undefined ? {} : { body })
      return `${answer.status} ${answer.body.errcode ?? ''}`
    }
    expect(await post(stranger, roomId, 'm.read', event)).toBe('403 M_FORBIDDEN')
    expect(await post(bob, '!unknown:localhost', 'm.read', event)).toBe('403 M_FORBIDDEN')
    expect(await post(bob, roomId, 'not.m.read', event)).toBe('400 M_INVALID_PARAM')
    expect(await post(bob, roomId, 'm.read', foreign)).toBe('404 M_NOT_FOUND')
    expect(await post(bob, roomId, 'm.read', '$unknown')).toBe('404 M_NOT_FOUND')
    expect(await post(bob, roomId, 'm.read', 'noevent')).toBe('400 M_INVALID_PARAM')
    expect(await post(bob, roomId, 'm.read', event, '[]')).toBe('400 M_BAD_JSON')
    expect(await post(bob, roomId, 'm.fully_read', event, { thread_id: 'main' })).toBe('400 M_INVALID_PARAM')
    const markers = `/v3/rooms/${enc(roomId)}/read_markers`
    expect((await bob.request('POST', markers, { body: { 'm.read': 5 } })).body.errcode).toBe('M_BAD_JSON')
    expect((await stranger.request('POST', markers, { body: { 'm.read': event } })).status).toBe(403)
    expect(await post(bob, roomId, 'm.read', event)).toBe('200 ')
  })
})
