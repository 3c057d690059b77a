import { expect, it } from 'vitest'
import { askAt } from '../../../src/app/operator/ask.ts'
import { socketPathOf } from '../../../src/app/operator/socket-path.ts'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

/** The newest, as the operator sees them. */
const reportsAt = async (homeserver: TestHomeserver): Promise<Json[]> => {
  const ask = askAt(await socketPathOf(homeserver.dataFolder))
  const { reports } = await ask('list-reports', {})
  return (reports as Json[]).map(({ reporter, report, reported_ts, ...rest }) => {
    expect([typeof reporter, typeof report, typeof reported_ts]).toEqual(['string', 'number', 'number'])
    return rest
  })
}

onEveryHomeserver('reports', (start) => {
  const shared = shareHomeserver(start)

  it('of rooms, events and users reach whoever administers, with whether they are founded, and one subject once', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const eventId = await alice.sendText(roomId, 'bad')
    const path = `/v3/rooms/${enc(roomId)}/report`
    const anEvent = `${path}/${enc(eventId)}`
    expect(await bob.post(anEvent, { reason: 'from outside' })).toEqual({})
    expect((await reportsAt(homeserver))[0]).toEqual({
      ...{ room_id: roomId, event_id: eventId },
      reason: 'from outside',
      founded: false,
    })
    await bob.join(roomId)
    expect(await bob.post(anEvent, { score: -100 })).toEqual({})
    expect(await bob.post(path, { reason: '' })).toEqual({})
    expect(await bob.post(`/v3/users/${enc(alice.userId)}/report`, { reason: 'rude\u0000' })).toEqual({})
    expect((await reportsAt(homeserver)).slice(0, 3)).toEqual([
      { user_id: alice.userId, reason: 'rude\ufffd', founded: true },
      { room_id: roomId, reason: '', founded: true },
      { room_id: roomId, event_id: eventId, reason: '', founded: true },
    ])
  })

  it('are answered alike for what does not exist, which is noted as unfounded', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const nowhere = enc(`!nowhere:${homeserver.serverName}`)
    const roomId = await alice.createRoom()
    for (const path of [
      `/v3/rooms/${nowhere}/report`,
      `/v3/rooms/${nowhere}/report/${enc('$nothing')}`,
      `/v3/rooms/${enc(roomId)}/report/${enc('$nothing')}`,
      `/v3/users/${enc(`@nobody:${homeserver.serverName}`)}/report`,
    ])
      expect(await alice.request('POST', path, { body: { reason: 'why' } })).toMatchObject({ status: 200, body: {} })
    expect((await reportsAt(homeserver)).slice(0, 4).map(({ founded }) => founded)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  it('of what has no id, without a reason where one is asked for, with a long one or by nobody are refused', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const before = await reportsAt(homeserver)
    const room = `/v3/rooms/${enc('!a:b')}/report`
    const user = `/v3/users/${enc('@a:b')}/report`
    for (const [path, body] of [
      ['/v3/rooms/room/report', { reason: '' }],
      [`${room}/event`, {}],
      ['/v3/users/user/report', { reason: '' }],
      [room, {}],
      [user, {}],
      [user, { reason: 5 }],
      [room, { reason: 'x'.repeat(4_001) }],
    ] as const)
      expect((await alice.request('POST', path, { body })).status).toBe(400)
    expect((await homeserver.client().request('POST', user, { body: { reason: '' } })).status).toBe(401)
    expect(await reportsAt(homeserver)).toEqual(before)
  })

  it('are limited in rate', async () => {
    const homeserver = await start({ settings: { rateLimits: { enabled: true } } })
    try {
      const alice = await homeserver.register('alice')
      const statuses = new Set<number>()
      for (let report = 0; report < 300 && !statuses.has(429); report += 1)
        statuses.add(
          (await alice.request('POST', `/v3/users/${enc(`@u${report}:b`)}/report`, { body: { reason: '' } })).status,
        )
      expect([...statuses].toSorted((one, other) => one - other)).toEqual([200, 429])
    } finally {
      await homeserver.stop()
    }
  })
})
