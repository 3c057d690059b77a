import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import { command } from '../../../support/operator.ts'
import { enc, joinBy, PAIRS } from '../memberships/two-servers.ts'

const FIRST = 'first.example'

/** Two people in one room, each on a server of their own. */
const meet = async (alice: TestClient, bob: TestClient): Promise<string> => {
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await joinBy(bob, roomId, FIRST)
  return roomId
}

const eventsIn = (sync: Json, roomId: string, part: 'timeline' | 'ephemeral'): readonly Json[] =>
  sync.rooms?.join?.[roomId]?.[part]?.events ?? []

/** Syncs from a token until all these texts came, and returns the texts in order. */
const textsUntil = async (
  user: TestClient,
  since: string,
  roomId: string,
  last: string,
): Promise<readonly string[]> => {
  const texts: string[] = []
  await user.syncUntil(since, (sync: Json) => {
    for (const { content } of eventsIn(sync, roomId, 'timeline'))
      if (content.body !== undefined) texts.push(content.body)
    return texts.includes(last)
  })
  return texts
}

describe.each(PAIRS)('two servers in a room, on %s', (_, database) => {
  it('get what is said on either side, in order, also over a stop of one and of the other', async () => {
    await using federation = await startFederation({ database })
    const [alice, bob] = [await federation.at(0).register('alice'), await federation.at(1).register('bob')]
    const roomId = await meet(alice, bob)
    const { next_batch: ofBob } = await bob.sync()
    for (const text of ['1', '2', '3']) await alice.sendText(roomId, text)
    expect(await textsUntil(bob, ofBob, roomId, '3')).toEqual(['1', '2', '3'])
    const { next_batch: ofAlice } = await alice.sync()
    await bob.sendText(roomId, 'back')
    expect(await textsUntil(alice, ofAlice, roomId, 'back')).toEqual(['back'])
    const { next_batch: later } = await bob.sync()
    await federation.at(1).whileStopped(async () => {
      await alice.sendText(roomId, 'while you were away')
      await federation.at(0).restart()
      await alice.sendText(roomId, 'and I restarted')
    })
    // A sign of life ends the pause.
    await bob.sendText(roomId, 'here again')
    expect(await textsUntil(bob, later, roomId, 'and I restarted')).toEqual([
      'here again',
      'while you were away',
      'and I restarted',
    ])
  })

  it('tell a server that was away how far somebody has read meanwhile', async () => {
    await using federation = await startFederation({ database })
    const [alice, bob] = [await federation.at(0).register('alice'), await federation.at(1).register('bob')]
    const [roomId, other] = [await meet(alice, bob), await meet(alice, bob)]
    const first = await bob.sendText(other, 'read soon')
    await expect
      .poll(async () => (await alice.request('GET', `/v3/rooms/${enc(other)}/event/${enc(first)}`)).status)
      .toBe(200)
    const { next_batch: since } = await bob.sync()
    let read = ''
    await federation.at(1).whileStopped(async () => {
      read = await alice.sendText(roomId, 'while you were away')
      await alice.receipt(other, first)
      await alice.receipt(roomId, read)
      await expect
        .poll(() => command(federation.at(0), 'list-destinations', {}), { timeout: 20_000 })
        .toMatchObject({ destinations: [{ server: 'second.example', behind: true }] })
    })
    await bob.sendText(roomId, 'here again')
    const isRead = (sync: Json, room: string, eventId: string): boolean =>
      eventsIn(sync, room, 'ephemeral').some(
        ({ content }) => content[eventId]?.['m.read']?.[alice.userId] !== undefined,
      )
    const seen = new Set<string>()
    await bob.syncUntil(since, (sync: Json) => {
      if (isRead(sync, roomId, read)) seen.add(roomId)
      if (isRead(sync, other, first)) seen.add(other)
      return seen.size === 2
    })
  })

  it('tell each other who types, and how far somebody has read, in threads too', async () => {
    await using federation = await startFederation({ database })
    const [alice, bob] = [await federation.at(0).register('alice'), await federation.at(1).register('bob')]
    const roomId = await meet(alice, bob)
    const { next_batch: since } = await bob.sync()
    const ephemeral = async (type: string, holds: (content: Json) => boolean): Promise<unknown> =>
      bob.syncUntil(since, (sync: Json) =>
        eventsIn(sync, roomId, 'ephemeral').some((event) => event.type === type && holds(event.content)),
      )
    await alice.typing(roomId, 30_000)
    await ephemeral('m.typing', ({ user_ids }) => user_ids.includes(alice.userId))
    await alice.put(`/v3/rooms/${enc(roomId)}/typing/${enc(alice.userId)}`, { typing: false })
    await ephemeral('m.typing', ({ user_ids }) => user_ids.length === 0)
    const root = await alice.sendText(roomId, 'a thread')
    const relation = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
    const reply = await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'in it', ...relation })
    await alice.receipt(roomId, root, 'm.read', { thread_id: 'main' })
    await alice.receipt(roomId, reply, 'm.read', { thread_id: root })
    await ephemeral('m.receipt', (content) => content[reply]?.['m.read']?.[alice.userId]?.thread_id === root)
    await alice.receipt(roomId, reply)
    await ephemeral(
      'm.receipt',
      (content) =>
        content[reply]?.['m.read']?.[alice.userId] !== undefined &&
        content[reply]['m.read'][alice.userId].thread_id === undefined,
    )
    await alice.receipt(roomId, reply, 'm.read.private')
    await alice.sendText(roomId, 'the last')
    await textsUntil(bob, since, roomId, 'the last')
    const { rooms } = await bob.sync()
    expect(JSON.stringify(rooms.join[roomId].ephemeral)).not.toContain('private')
  })
})

describe('who is about', () => {
  const presenceOf = async (user: TestClient, since: string, whose: string, state: string): Promise<unknown> =>
    user.syncUntil(since, ({ presence }: Json) =>
      (presence?.events ?? []).some(({ sender, content }: Json) => sender === whose && content.presence === state),
    )

  it('is told to servers that share a room', async () => {
    await using federation = await startFederation()
    const [alice, bob] = [await federation.at(0).register('alice'), await federation.at(1).register('bob')]
    await meet(alice, bob)
    const { next_batch: since } = await bob.sync()
    await alice.put(`/v3/presence/${enc(alice.userId)}/status`, { presence: 'unavailable', status_msg: 'at lunch' })
    await presenceOf(bob, since, alice.userId, 'unavailable')
    expect(await bob.get(`/v3/presence/${enc(alice.userId)}/status`)).toMatchObject({ status_msg: 'at lunch' })
  })

  it('is told to nobody where that is switched off', async () => {
    await using federation = await startFederation({
      settingsOf: { 'first.example': { presence: { federation: false } } },
    })
    const [alice, bob] = [await federation.at(0).register('alice'), await federation.at(1).register('bob')]
    await meet(alice, bob)
    const { next_batch: since } = await alice.sync()
    await alice.put(`/v3/presence/${enc(alice.userId)}/status`, { presence: 'unavailable', status_msg: 'at lunch' })
    await bob.put(`/v3/presence/${enc(bob.userId)}/status`, { presence: 'unavailable', status_msg: 'at work' })
    await presenceOf(alice, since, bob.userId, 'unavailable')
    expect(await bob.get(`/v3/presence/${enc(alice.userId)}/status`)).toMatchObject({ presence: 'offline' })
  })
})
