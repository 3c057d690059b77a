import { expect, it } from 'vitest'
import type { Body, Json, Query, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent
const UNSTABLE = '/unstable/org.matrix.msc4140'
const MINUTE_MS = 60_000

const later = async (client: TestClient, roomId: string, delayMs: number, body: string): Promise<string> => {
  const path = `/v3/rooms/${enc(roomId)}/delayed_event/m.room.message/${client.nextTransaction()}`
  return (await client.put(path, { delay_ms: delayMs, content: { msgtype: 'm.text', body } })).delay_id
}
const laterState = async (client: TestClient, roomId: string, delayMs: number, key: string, content: Body) => {
  const path = `/v3/rooms/${enc(roomId)}/state/org.example.call/${enc(key)}`
  const { body } = await client.request('PUT', path, { body: content, query: { 'org.matrix.msc4140.delay': delayMs } })
  return body.delay_id as string
}
const manage = (client: TestClient, delayId: string, action: string) =>
  client.request('POST', `/v1/delayed_events/${delayId}/${action}`, { body: {} })
const scheduledOf = async (client: TestClient): Promise<string[]> =>
  (await client.get('/v1/delayed_events')).delayed_events.map(({ delay_id }: Json) => delay_id)
const one = (client: TestClient, delayId: string): Promise<Json> => client.get(`/v1/delayed_events/${delayId}`)
const ended = async (client: TestClient, delayId: string): Promise<Json> => {
  await expect.poll(async () => (await one(client, delayId)).finalised_ts, { timeout: 10_000 }).toBeDefined()
  return one(client, delayId)
}
const bodiesIn = async (client: TestClient, roomId: string): Promise<string[]> => {
  const { chunk } = await client.messages(roomId, { dir: 'b', limit: 100 })
  return chunk.filter(({ type }: Json) => type === 'm.room.message').map(({ content }: Json) => content.body)
}
const refusal = async (client: TestClient, method: string, path: string, body?: unknown, query: Query = {}) => {
  const answer = await client.request(method, path, { query, ...(body === undefined ? {} : { body }) })
  return [answer.status, answer.body.errcode]
}

onEveryHomeserver('delayed events', (start) => {
  const shared = shareHomeserver(start)

  const aRoom = async (on?: TestHomeserver) => {
    const homeserver = on ?? (await shared())
    const alice = await homeserver.register('alice')
    return { homeserver, alice, roomId: await alice.createRoom({ preset: 'public_chat' }) }
  }

  it('are sent when they are due and not before, and told to their sender alone', async () => {
    const { homeserver, alice, roomId } = await aRoom()
    const bob = await homeserver.register('bob')
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const scheduledMs = Date.now()
    const delayId = await later(alice, roomId, 300, 'later')
    expect(await one(alice, delayId)).toMatchObject({
      delay_id: delayId,
      ...{ room_id: roomId, type: 'm.room.message', delay_ms: 300, content: { body: 'later' } },
    })
    expect(await bodiesIn(alice, roomId)).toEqual([])
    await bob.nextSync(since, 10_000)
    const waitedMs = Date.now() - scheduledMs
    expect(waitedMs).toBeGreaterThanOrEqual(299)
    expect(waitedMs).toBeLessThan(2_000)
    const { event_id: eventId, finalised_ts: ts, scheduled_at: at } = await ended(alice, delayId)
    expect(ts).toBeGreaterThanOrEqual(at + 300)
    const own = await alice.getEvent(roomId, eventId)
    expect(own.unsigned).toMatchObject({ delay_id: delayId, 'org.matrix.msc4140.delay_id': delayId })
    expect(own.unsigned.transaction_id).toBeUndefined()
    expect(own.origin_server_ts).toBeGreaterThanOrEqual(at + 300)
    expect(JSON.stringify(await bob.getEvent(roomId, eventId))).not.toContain(delayId)
    expect(await refusal(bob, 'GET', `/v1/delayed_events/${delayId}`)).toEqual([404, 'M_NOT_FOUND'])
    expect(await scheduledOf(alice)).toEqual([])
  })

  it('of the form that clients send are scheduled by the query of /send and /state', async () => {
    const { alice, roomId } = await aRoom()
    const query = { 'org.matrix.msc4140.delay': 86_400_000 }
    const path = `/v3/rooms/${enc(roomId)}/send/m.room.message/once`
    const body = { msgtype: 'm.text', body: 'x' }
    const message = await alice.ok('PUT', path, { body, query })
    expect(await alice.ok('PUT', path, { body, query })).toEqual(message)
    const delayId = await laterState(alice, roomId, 50_000, 'key', { a: 1 })
    const { delayed_events: listed } = await alice.get(`${UNSTABLE}/delayed_events`)
    expect(listed).toEqual([
      expect.objectContaining({ delay_id: delayId, state_key: 'key', delay: 50_000, delay_ms: 50_000 }),
      expect.objectContaining({ delay_id: message.delay_id, delay: 86_400_000 }),
    ])
    expect(listed[0].running_since).toBe(listed[0].scheduled_at)
    const anonymous = { token: null }
    const restarted = await alice.request('POST', `${UNSTABLE}/delayed_events/${delayId}/restart`, anonymous)
    expect(restarted).toMatchObject({ status: 200, body: {} })
    const inBody = { body: { action: 'send' }, ...anonymous }
    expect(await alice.ok('POST', `${UNSTABLE}/delayed_events/${delayId}`, inBody)).toEqual({})
    expect(await alice.getState(roomId, 'org.example.call', 'key')).toEqual({ a: 1 })
    await manage(alice, message.delay_id, 'cancel')
  })

  it('are sent at once, cancelled and restarted; what has ended otherwise conflicts', async () => {
    const { homeserver, alice, roomId } = await aRoom()
    const bob = await homeserver.register('bob')
    const [sent, cancelled] = [
      await later(alice, roomId, MINUTE_MS, 'sent'),
      await later(alice, roomId, MINUTE_MS, 'cancelled'),
    ]
    const before = (await one(alice, sent)).scheduled_at
    expect(await manage(bob, sent, 'send')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    await expect.poll(() => Date.now()).toBeGreaterThan(before)
    expect(await manage(alice, sent, 'restart')).toMatchObject({ status: 200, body: {} })
    expect((await one(alice, sent)).scheduled_at).toBeGreaterThan(before)
    const answers: (readonly [string, string, number])[] = [
      [sent, 'send', 200],
      [sent, 'send', 200],
      [sent, 'cancel', 409],
      [sent, 'restart', 200],
      [cancelled, 'cancel', 200],
      [cancelled, 'cancel', 200],
      [cancelled, 'send', 409],
      [cancelled, 'restart', 409],
      ['x'.repeat(36), 'send', 404],
      ['short', 'cancel', 404],
      [sent, 'destroy', 404],
    ]
    for (const [delayId, action, status] of answers) {
      const expected = delayId === sent && action === 'restart' ? 409 : status
      expect((await manage(alice, delayId, action)).status, `${action} ${delayId}`).toBe(expected)
    }
    expect(await bodiesIn(alice, roomId)).toEqual(['sent'])
    expect(await one(alice, cancelled)).not.toHaveProperty('error')
    expect(await one(alice, cancelled)).not.toHaveProperty('event_id')
  })

  it('of state are cancelled when another user sets that state, and not when their own does or another entry is set', async () => {
    const { homeserver, alice, roomId } = await aRoom()
    const bob = await homeserver.register('bob')
    await bob.join(roomId)
    await alice.setState(roomId, 'm.room.power_levels', '', {
      events: { 'org.example.call': 0 },
      state_default: 50,
    })
    const overwritten = await laterState(alice, roomId, MINUTE_MS, 'one', { left: true })
    const kept = await laterState(alice, roomId, MINUTE_MS, 'two', { left: true })
    await bob.setState(roomId, 'org.example.call', 'three', { by: 'bob' })
    await alice.setState(roomId, 'org.example.call', 'two', { by: 'alice' })
    await bob.setState(roomId, 'org.example.call', 'one', { by: 'bob' })
    expect((await ended(alice, overwritten)).error.errcode).toBe('M_UNKNOWN')
    expect(await scheduledOf(alice)).toEqual([kept])
    expect(await manage(alice, kept, 'send')).toMatchObject({ status: 200 })
    expect(await alice.getState(roomId, 'org.example.call', 'two')).toEqual({ left: true })
    expect(await alice.getState(roomId, 'org.example.call', 'one')).toEqual({ by: 'bob' })
  })

  it('are judged when they are sent: by the membership of then, and for an unknown room', async () => {
    const { homeserver, alice, roomId } = await aRoom()
    const bob = await homeserver.register('bob')
    const early = await later(bob, roomId, 1_000, 'not in the room when it was scheduled')
    await bob.join(roomId)
    expect((await ended(bob, early)).event_id).toBeDefined()
    const nowhere = await later(bob, `!nowhere:${homeserver.serverName}`, 1, 'to no room')
    expect((await ended(bob, nowhere)).error).toMatchObject({ errcode: 'M_FORBIDDEN' })
    const late = await later(bob, roomId, MINUTE_MS, 'kicked')
    await alice.kick(roomId, bob.userId)
    expect(await manage(bob, late, 'send')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await scheduledOf(bob)).toEqual([late])
    await bob.join(roomId)
    expect(await manage(bob, late, 'send')).toMatchObject({ status: 200 })
  })

  it('of accounts that are locked or suspended then are not sent, but their leaving is', async () => {
    const { homeserver, alice, roomId } = await aRoom()
    const admin = await registerAdmin(homeserver, 'admin')
    const bob = await homeserver.register('bob')
    await bob.join(roomId)
    const judge = (kind: string, value: boolean) =>
      admin.put(`/v1/admin/${kind}/${enc(bob.userId)}`, { [kind === 'lock' ? 'locked' : 'suspended']: value })
    for (const [kind, errcode] of [
      ['lock', 'M_USER_LOCKED'],
      ['suspend', 'M_USER_SUSPENDED'],
    ] as const) {
      const delayId = await later(bob, roomId, 400, kind)
      await judge(kind, true)
      const marker = await later(alice, roomId, 600, 'marker')
      await ended(alice, marker)
      await judge(kind, false)
      expect((await one(bob, delayId)).error.errcode).toBe(errcode)
    }
    const path = `/v3/rooms/${enc(roomId)}/delayed_event/m.room.member/leave`
    const content = { membership: 'leave' }
    const { delay_id: leave } = await bob.put(path, { delay_ms: 300, state_key: bob.userId, content })
    await judge('suspend', true)
    expect((await ended(bob, leave)).event_id).toBeDefined()
    expect(await refusal(bob, 'PUT', `${path}2`, { delay_ms: 300, content: {} })).toEqual([403, 'M_USER_SUSPENDED'])
  })

  it('send membership and redactions as well', async () => {
    const { homeserver, alice, roomId } = await aRoom()
    const bob = await homeserver.register('bob')
    await bob.join(roomId)
    const said = await bob.sendText(roomId, 'soon gone')
    const path = `/v3/rooms/${enc(roomId)}/delayed_event`
    const redaction = await bob.put(`${path}/m.room.redaction/1`, { delay_ms: 1, content: { redacts: said } })
    await ended(bob, redaction.delay_id)
    expect((await alice.getEvent(roomId, said)).content).toEqual({})
    const leave = await bob.put(`${path}/m.room.member/2`, {
      delay_ms: 1,
      state_key: bob.userId,
      content: { membership: 'leave' },
    })
    const { event_id: eventId } = await ended(bob, leave.delay_id)
    expect((await alice.getState(roomId, 'm.room.member', bob.userId)).membership).toBe('leave')
    expect((await alice.getEvent(roomId, eventId)).state_key).toBe(bob.userId)
  })

  it('survive a restart: what became due meanwhile is sent after it, in the order of the times, and once', async () => {
    const clock = new SteppedClock()
    await using homeserver = await start({ clock })
    const { alice, roomId } = await aRoom(homeserver)
    const bodies = ['third', 'first', 'second']
    for (const [index, delay] of [9_000, 3_000, 6_000].entries()) await later(alice, roomId, delay, bodies[index] ?? '')
    const far = await later(alice, roomId, 10 * MINUTE_MS, 'far')
    await homeserver.whileStopped(async () => clock.advance(MINUTE_MS))
    await expect.poll(() => bodiesIn(alice, roomId), { timeout: 10_000 }).toEqual(['third', 'second', 'first'])
    expect(await scheduledOf(alice)).toEqual([far])
    await homeserver.restart()
    clock.advance(9 * MINUTE_MS)
    expect((await ended(alice, far)).event_id).toBeDefined()
    expect(await bodiesIn(alice, roomId)).toEqual(['far', 'third', 'second', 'first'])
  })

  it('are sent by one of 32 requests at once, and cancelled by none of them', async () => {
    const { alice, roomId } = await aRoom()
    const delayId = await later(alice, roomId, MINUTE_MS, 'once')
    const actions = Array.from({ length: 32 }, (_, n) => (n % 2 === 0 ? 'send' : 'cancel'))
    const answers = await Promise.all(actions.map(async (action) => (await manage(alice, delayId, action)).status))
    const wasSent = (await bodiesIn(alice, roomId)).length
    const expected = actions.map((action) => ((action === 'send') === (wasSent === 1) ? 200 : 409))
    expect(answers).toEqual(expected)
  })

  it('end with the account, and not with the session that scheduled them', async () => {
    const { homeserver, alice, roomId } = await aRoom()
    const bob = await homeserver.register('bob')
    await bob.join(roomId)
    const other = await bob.loginAgain()
    const delayId = await later(other, roomId, 500, 'after the logout')
    await other.post('/v3/logout')
    expect((await ended(bob, delayId)).event_id).toBeDefined()
    await later(bob, roomId, 500, 'after the end')
    const waiting = await later(alice, roomId, 1_000, 'alice goes on')
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: bob.userId } }
    const password = 'correct horse battery staple'
    await bob.post('/v3/account/deactivate', { auth: { ...auth, password } })
    await ended(alice, waiting)
    expect(await bodiesIn(alice, roomId)).toEqual(['alice goes on', 'after the logout'])
  })
})
