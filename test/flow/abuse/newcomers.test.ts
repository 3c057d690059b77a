import { expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { enc, outcome } from '../federation/memberships/two-servers.ts'

const DAY_MS = 86_400_000

onEveryHomeserver('a new account', (start) => {
  it('does only so much until it is older, whatever process counts', async () => {
    const clock = new SteppedClock()
    const abuse = {
      newAccountAge: '2d',
      newAccountMessages: '2/3600s',
      newAccountInvites: '1/3600s',
      newAccountRooms: '2/3600s',
    }
    await using server = await start({ clock, settings: { abuse } })
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const say = (client: TestClient, transaction: string) =>
      client.request('PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/${transaction}`, {
        body: { msgtype: 'm.text', body: 'hello' },
      })
    expect([(await say(alice, 'a')).status, (await say(alice, 'b')).status]).toEqual([200, 200])
    await server.restart()
    const refused = await say(alice, 'c')
    expect([refused.status, refused.body.errcode]).toEqual([429, 'M_LIMIT_EXCEEDED'])
    expect(refused.body.retry_after_ms).toBeGreaterThan(3_000_000)
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    const two = { invite: [bob.userId, `@carol:${server.serverName}`] }
    expect(await outcome(alice.request('POST', '/v3/createRoom', { body: two }))).toEqual([429, 'M_LIMIT_EXCEEDED'])
    await alice.invite(roomId, bob.userId)
    await bob.join(roomId)
    // Others have counts of their own.
    expect((await say(bob, 'a')).status).toBe(200)
    clock.advance(3_600_000)
    expect((await say(alice, 'c')).status).toBe(200)
    clock.advance(2 * DAY_MS)
    for (const transaction of ['d', 'e', 'f', 'g']) expect((await say(alice, transaction)).status).toBe(200)
  })
})
