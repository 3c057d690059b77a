import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const FLAG = 'org.matrix.msc4293.redact_events'

/** A room with a moderator, somebody who spoke in two stays, and a reader who waits. */
const scene = async (server: TestHomeserver, powers: Json = {}) => {
  const [alice, spam, reader] = [
    await server.register('alice'),
    await server.register('spam'),
    await server.register('reader'),
  ]
  const roomId = await alice.createRoom({ preset: 'public_chat', power_level_content_override: powers })
  await spam.join(roomId)
  await spam.sendText(roomId, 'before')
  await spam.leave(roomId)
  await spam.join(roomId)
  await reader.join(roomId)
  const said = [await spam.sendText(roomId, 'spam 1'), await spam.sendText(roomId, 'spam 2')]
  await alice.sendText(roomId, 'hers')
  return { alice, spam, reader, roomId, said }
}
const remove = (who: TestClient, how: string, roomId: string, userId: string, body: Json = { [FLAG]: true }) =>
  who.request('POST', `/v3/rooms/${enc(roomId)}/${how}`, { body: { user_id: userId, reason: 'flooding', ...body } })
const words = async (reader: TestClient, roomId: string): Promise<readonly string[]> =>
  (await reader.messages(roomId, { dir: 'f', limit: 100 })).chunk.flatMap(({ content }: Json) => content.body ?? [])
const unread = async (reader: TestClient, roomId: string): Promise<number> =>
  (await reader.sync()).rooms.join[roomId].unread_notifications.notification_count

onEveryHomeserver('a removal that takes back what somebody sent', (start) => {
  const shared = shareHomeserver(start)

  it.each(['ban', 'kick'])(
    '%s: redacts the events of the last stay, by that event, and sends no other',
    async (how) => {
      const { alice, spam, reader, roomId, said } = await scene(await shared())
      const { next_batch: since } = await reader.sync()
      const counted = await unread(reader, roomId)
      const waiting = reader.nextSync(since)
      expect((await remove(alice, how, roomId, spam.userId)).status).toBe(200)
      expect(await words(reader, roomId)).toEqual(['before', 'hers'])
      const [first = ''] = said
      const { content, unsigned } = await reader.getEvent(roomId, first)
      expect(content).toEqual({})
      expect(unsigned.redacted_because).toMatchObject({
        type: 'm.room.member',
        sender: alice.userId,
        state_key: spam.userId,
        content: { reason: 'flooding', [FLAG]: true },
      })
      const news = (await waiting).rooms.join[roomId]
      expect(news.timeline.events.map(({ type }: Json) => type)).toEqual(['m.room.member'])
      expect(news.unread_notifications.notification_count).toBe(counted - 2)
      // From memory too: the same sync again, and one from before the messages.
      expect(JSON.stringify(await reader.sync())).not.toContain('spam 1')
      expect(await unread(reader, roomId)).toBe(counted - 2)
      const found = await alice.post('/v3/search', { search_categories: { room_events: { search_term: 'spam' } } })
      expect(found.search_categories.room_events.results).toEqual([])
      const { chunk } = await reader.messages(roomId, { dir: 'f', limit: 100 })
      expect(chunk.filter(({ type }: Json) => type === 'm.room.redaction')).toEqual([])
    },
  )

  it('takes nothing back without the flag, without the power to redact, of oneself, or by other changes', async () => {
    const server = await shared()
    const { alice, spam, roomId } = await scene(server)
    for (const body of [{}, { [FLAG]: false }]) {
      expect((await remove(alice, 'kick', roomId, spam.userId, body)).status).toBe(200)
      await spam.join(roomId)
    }
    expect((await remove(alice, 'kick', roomId, spam.userId, { [FLAG]: 'yes' })).status).toBe(400)
    const member = `/v3/rooms/${enc(roomId)}/state/m.room.member/${enc(spam.userId)}`
    await spam.put(member, { membership: 'leave', [FLAG]: true })
    await alice.put(member, { membership: 'invite', [FLAG]: true })
    expect(await words(alice, roomId)).toEqual(['before', 'spam 1', 'spam 2', 'hers'])
    const weak = await scene(server, { redact: 100, ban: 0, users_default: 0 })
    await weak.alice.setState(weak.roomId, 'm.room.power_levels', '', {
      ...(await weak.alice.getState(weak.roomId, 'm.room.power_levels')),
      users: { ...(await weak.alice.getState(weak.roomId, 'm.room.power_levels')).users, [weak.reader.userId]: 50 },
    })
    expect((await remove(weak.reader, 'ban', weak.roomId, weak.spam.userId)).status).toBe(200)
    expect(await words(weak.alice, weak.roomId)).toEqual(['before', 'spam 1', 'spam 2', 'hers'])
  })

  it('takes back what was said at the same moment', async () => {
    const { alice, spam, roomId } = await scene(await shared())
    const sending = Array.from({ length: 31 }, (_, n) =>
      spam.request('PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/flood${n}`, {
        body: { msgtype: 'm.text', body: `flood ${n}` },
      }),
    )
    const banned = remove(alice, 'ban', roomId, spam.userId)
    const answers = await Promise.all([...sending, banned])
    expect(answers.filter(({ status }) => status !== 200 && status !== 403)).toEqual([])
    expect((await banned).status).toBe(200)
    expect(await words(alice, roomId)).toEqual(['before', 'hers'])
  })

  it('32 bans at once are one; by PUT /state it is the same', async () => {
    const { alice, spam, roomId } = await scene(await shared())
    const member = `/v3/rooms/${enc(roomId)}/state/m.room.member/${enc(spam.userId)}`
    const answers = await Promise.all(
      Array.from({ length: 32 }, () =>
        alice.request('PUT', member, { body: { membership: 'ban', reason: 'flooding', [FLAG]: true } }),
      ),
    )
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.event_id}`)).size).toBe(1)
    expect(await words(alice, roomId)).toEqual(['before', 'hers'])
  })
})
