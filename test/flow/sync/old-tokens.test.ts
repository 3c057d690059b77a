import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'

/**
 * Tokens that the version of November 2026 gave out at the end of `untilThen`, kept as text. A client that upgrades with its server
 * goes on with the tokens it has.
 */
const TOKENS = {
  sync: 'h1_11_0_1_0_0_1795845585397_1795845585397',
  initialSync: 'h1_11_0_1_0_0_1795845585397_1795845585398',
  prevBatch: 't9',
  messagesStart: 't11',
  messagesEnd: 't9',
}

const bodies = (events: readonly Json[]): string[] =>
  events.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)

onEveryHomeserver('a token of the version before', (start) => {
  const untilThen = async (
    homeserver: Awaited<ReturnType<typeof start>>,
  ): Promise<[TestClient, TestClient, string]> => {
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    for (const number of [1, 2, 3, 4, 5]) await alice.sendText(roomId, `before ${number}`)
    await bob.put(`/v3/user/${bob.userId}/account_data/org.example`, { n: 1 })
    return [alice, bob, roomId]
  }

  it('of /sync, /events, /initialSync and of pages goes on where it was', async () => {
    await using homeserver = await start()
    const [alice, bob, roomId] = await untilThen(homeserver)
    const [, newest] = (await bob.sync()).next_batch.split('_')
    // The tokens are of this very place, if the same was done.
    expect(newest).toBe('11')
    await alice.sendText(roomId, 'after')
    await bob.put(`/v3/user/${bob.userId}/account_data/org.example`, { n: 2 })

    const sync = await bob.sync({ since: TOKENS.sync })
    expect(bodies(sync.rooms.join[roomId].timeline.events)).toEqual(['after'])
    expect(sync.rooms.join[roomId].timeline.limited).toBe(false)
    expect(sync.account_data.events).toEqual([{ type: 'org.example', content: { n: 2 } }])

    for (const from of [TOKENS.sync, TOKENS.initialSync]) {
      const events = await bob.get('/v3/events', { from, timeout: 0 })
      expect(bodies(events.chunk)).toEqual(['after'])
    }

    const messages = (from: string, dir: 'b' | 'f') => bob.get(`/v3/rooms/${roomId}/messages`, { from, dir, limit: 2 })
    for (const from of [TOKENS.prevBatch, TOKENS.messagesEnd]) {
      expect(bodies((await messages(from, 'b')).chunk)).toEqual(['before 3', 'before 2'])
    }
    expect(bodies((await messages(TOKENS.messagesStart, 'b')).chunk)).toEqual(['before 5', 'before 4'])
    expect(bodies((await messages(TOKENS.sync, 'f')).chunk)).toEqual(['after'])
    const members = await bob.get(`/v3/rooms/${roomId}/members`, { at: TOKENS.sync })
    expect(members.chunk.map((event: Json) => event.state_key).sort()).toEqual([alice.userId, bob.userId].sort())
  })

  it('with more streams than the server knows is refused: it is of a later version', async () => {
    await using homeserver = await start()
    const [, bob] = await untilThen(homeserver)
    for (const path of ['/v3/sync?since=', '/v3/events?timeout=0&from=']) {
      const answer = await bob.request('GET', `${path}${TOKENS.sync}_1`)
      expect([answer.status, answer.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    }
  })
})
