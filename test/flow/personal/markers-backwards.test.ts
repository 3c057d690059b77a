import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

onEveryHomeserver('the fully-read marker', (start) => {
  const shared = shareHomeserver(start)

  it('moves backwards where that is asked for, and no receipt does', async () => {
    const alice = await (await shared()).register('alice')
    const roomId = await alice.createRoom()
    const [first, second] = [await alice.sendText(roomId, 'one'), await alice.sendText(roomId, 'two')]
    const markers = `/v3/rooms/${enc(roomId)}/read_markers`
    const receipt = (type: string, eventId: string) => `/v3/rooms/${enc(roomId)}/receipt/${type}/${enc(eventId)}`
    const marked = async (): Promise<string> => {
      const path = `/v3/user/${enc(alice.userId)}/rooms/${enc(roomId)}/account_data/m.fully_read`
      return (await alice.get(path)).event_id
    }
    await alice.post(markers, { 'm.fully_read': second, 'm.read': second })
    await alice.post(markers, { 'm.fully_read': first })
    expect(await marked()).toBe(second)
    await alice.post(markers, { 'm.fully_read': first, 'm.read': first, 'com.beeper.allow_backward': true })
    expect(await marked()).toBe(first)
    const { ephemeral } = (await alice.sync()).rooms.join[roomId]
    const [{ content }] = ephemeral.events.filter(({ type }: { type: string }) => type === 'm.receipt')
    expect(Object.keys(content)).toEqual([second])
    await alice.post(receipt('m.fully_read', second), {})
    expect(await marked()).toBe(second)
    await alice.post(receipt('m.fully_read', first), { allow_backward: true })
    expect(await marked()).toBe(first)
    const { next_batch: since } = await alice.sync()
    await alice.post(receipt('m.fully_read', first), { allow_backward: true })
    expect((await alice.sync({ since })).rooms.join).toEqual({})
    for (const type of ['m.read', 'm.read.private']) {
      const { status, body } = await alice.request('POST', receipt(type, first), { body: { allow_backward: true } })
      expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    }
    const { status } = await alice.request('POST', markers, { body: { 'm.fully_read': first, allow_backward: 'yes' } })
    expect(status).toBe(400)
  })
})
