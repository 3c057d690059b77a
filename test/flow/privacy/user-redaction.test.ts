import { expect, it } from 'vitest'
import type { Answer, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { each } from '../many-at-once/together.ts'

const enc = encodeURIComponent
const pathOf = (roomId: string, userId: string) =>
  `/unstable/org.matrix.msc4194/rooms/${enc(roomId)}/redact/user/${enc(userId)}`
const saidOf = ({ status, body }: Answer) => [status, body.errcode]

const spammed = async (server: TestHomeserver, messages: number) => {
  const [alice, bob] = [await server.register('alice'), await server.register('bob')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  for (let n = 0; n < messages; n += 1) await bob.sendText(roomId, `spam ${n}`)
  return { alice, bob, roomId }
}
/** Events of the room that a user sent, oldest first. */
const sentBy = async (reader: TestClient, roomId: string, userId: string): Promise<readonly Json[]> =>
  (await reader.messages(roomId, { dir: 'f', limit: 500 })).chunk.filter(({ sender }: Json) => sender === userId)

onEveryHomeserver('all that a user sent', (start) => {
  const shared = shareHomeserver(start)

  it('is redacted newest first, 25 at a time or as many as asked for, with the reason', async () => {
    const { alice, bob, roomId } = await spammed(await shared(), 30)
    await alice.sendText(roomId, 'hers')
    const { next_batch: since } = await bob.sync()
    const first = await alice.post(`${pathOf(roomId, bob.userId)}?limit=3`, { reason: 'spam' })
    expect(first).toEqual({ is_more_events: true, redacted_events: 3, soft_failed_events: 0 })
    const shown = async () => (await sentBy(alice, roomId, bob.userId)).map(({ content }) => content.body)
    expect((await shown()).slice(-4)).toEqual(['spam 26', undefined, undefined, undefined])
    expect(await alice.post(pathOf(roomId, bob.userId))).toMatchObject({ is_more_events: true, redacted_events: 25 })
    // The join too; what is redacted already does not count.
    expect(await alice.post(pathOf(roomId, bob.userId))).toMatchObject({ is_more_events: false, redacted_events: 3 })
    expect(await alice.post(pathOf(roomId, bob.userId))).toMatchObject({ is_more_events: false, redacted_events: 0 })
    const events = await sentBy(alice, roomId, bob.userId)
    expect(
      events.filter(({ type }) => type === 'm.room.message').every(({ content }) => Object.keys(content).length === 0),
    ).toBe(true)
    expect(events.at(-1).unsigned.redacted_because).toMatchObject({ sender: alice.userId, content: { reason: 'spam' } })
    expect(events[0]).toMatchObject({ type: 'm.room.member', content: { membership: 'join' } })
    expect((await bob.get('/v3/joined_rooms')).joined_rooms).toContain(roomId)
    const { rooms } = await bob.sync({ since })
    const redactions = rooms.join[roomId].timeline.events.filter(({ type }: Json) => type === 'm.room.redaction')
    expect(redactions.length + (rooms.join[roomId].timeline.limited ? 100 : 0)).toBeGreaterThanOrEqual(10)
    expect((await sentBy(alice, roomId, alice.userId)).some(({ content }) => content.body === 'hers')).toBe(true)
  })

  it('leaves other state as it is, and can be one\u2019s own', async () => {
    const { alice, roomId } = await spammed(await shared(), 0)
    await alice.setState(roomId, 'm.room.topic', '', { topic: 'kept' })
    await alice.sendText(roomId, 'gone')
    await alice.post(pathOf(roomId, alice.userId))
    expect(await alice.getState(roomId, 'm.room.topic')).toEqual({ topic: 'kept' })
    expect((await sentBy(alice, roomId, alice.userId)).some(({ content }) => content.body === 'gone')).toBe(false)
  })

  it('is refused to those without the power to redact, outsiders and the suspended, and changes nothing', async () => {
    const server = await shared()
    const { alice, bob, roomId } = await spammed(server, 2)
    const eve = await server.register('eve')
    const hers = await alice.sendText(roomId, 'hers')
    const ask = async (who: TestClient, user: string, query = '', body: unknown = {}) =>
      saidOf(await who.request('POST', `${pathOf(roomId, user)}${query}`, { body }))
    expect(await ask(bob, alice.userId)).toEqual([403, 'M_FORBIDDEN'])
    expect(await ask(eve, bob.userId)).toEqual([403, 'M_FORBIDDEN'])
    expect(await ask(eve, eve.userId)).toEqual([403, 'M_FORBIDDEN'])
    expect(saidOf(await eve.request('POST', pathOf('!unknown:localhost', bob.userId)))).toEqual([403, 'M_FORBIDDEN'])
    for (const limit of ['0', '-1', 'many', '1.5'])
      expect(await ask(alice, bob.userId, `?limit=${limit}`), limit).toEqual([400, 'M_INVALID_PARAM'])
    expect(await ask(alice, 'nobody')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await ask(alice, bob.userId, '', { reason: 5 })).toEqual([400, 'M_BAD_JSON'])
    expect(await alice.post(pathOf(roomId, '@never.seen:elsewhere.test'))).toMatchObject({ redacted_events: 0 })
    await command(server, 'set-suspended', { user: alice.userId, suspended: true })
    expect(await ask(alice, bob.userId)).toEqual([403, 'M_USER_SUSPENDED'])
    expect((await bob.getEvent(roomId, hers)).content.body).toBe('hers')
    expect((await sentBy(bob, roomId, bob.userId)).filter(({ content }) => content.body)).toHaveLength(2)
    expect(await ask(alice, alice.userId)).toEqual([200, undefined])
  })

  it('more than 100 take several requests; 32 requests at once redact no event twice', async () => {
    const { alice, bob, roomId } = await spammed(await shared(), 120)
    expect(await alice.post(`${pathOf(roomId, bob.userId)}?limit=5000`)).toMatchObject({
      is_more_events: true,
      redacted_events: 100,
    })
    const answers = await Promise.all(
      each(() => alice.request('POST', `${pathOf(roomId, bob.userId)}?limit=5`, { body: {} })),
    )
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(answers.reduce((sum, { body }) => sum + body.redacted_events, 0)).toBe(21)
    const redactions = (await sentBy(alice, roomId, alice.userId)).filter(({ type }) => type === 'm.room.redaction')
    expect(new Set(redactions.map(({ redacts }) => redacts)).size).toBe(121)
    expect(redactions).toHaveLength(121)
  })
})
