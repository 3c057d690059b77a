import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent
const HOUR_MS = 3_600_000

onEveryHomeserver('timestamp_to_event', (start) => {
  const clock = new SteppedClock()
  const shared = shareHomeserver(start, { clock })
  const near = (client: TestClient, roomId: string, ts: string | number, dir: string) =>
    client.request('GET', `/v1/rooms/${enc(roomId)}/timestamp_to_event?ts=${ts}&dir=${dir}`)
  const found = async (client: TestClient, roomId: string, ts: number, dir: 'f' | 'b'): Promise<Json> => {
    const { status, body } = await near(client, roomId, ts, dir)
    return status === 200 ? body : status
  }
  /** Sends a message an hour after what was before. */
  const later = async (client: TestClient, roomId: string): Promise<{ event_id: string; origin_server_ts: number }> => {
    clock.advance(HOUR_MS)
    const event_id = await client.sendText(roomId, 'later')
    const { origin_server_ts } = await client.getEvent(roomId, event_id)
    return { event_id, origin_server_ts }
  }

  it('finds the event next to a time in the direction, and one of that very time in both', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    const one = await later(alice, roomId)
    const two = await later(alice, roomId)
    for (const dir of ['f', 'b'] as const)
      for (const event of [one, two]) expect(await found(alice, roomId, event.origin_server_ts, dir)).toEqual(event)
    const between = one.origin_server_ts + HOUR_MS / 2
    expect(await found(alice, roomId, between, 'f')).toEqual(two)
    expect(await found(alice, roomId, between, 'b')).toEqual(one)
    expect(await found(alice, roomId, two.origin_server_ts + 1, 'f')).toBe(404)
    expect(await found(alice, roomId, Number.MAX_SAFE_INTEGER, 'b')).toEqual(two)
    expect(await found(alice, roomId, 0, 'b')).toBe(404)
    const [create] = (await alice.messages(roomId, { dir: 'f', limit: 1 })).chunk
    expect((await found(alice, roomId, Number.MIN_SAFE_INTEGER, 'f')).event_id).toBe(create.event_id)
    const context = await alice.get(`/v3/rooms/${enc(roomId)}/context/${enc(one.event_id)}`)
    expect(context.event.event_id).toBe(one.event_id)
  })

  it('shows no more than may be read: nothing of other rooms, and of the past and the future what history visibility shows', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'joined' })
    const before = await later(alice, roomId)
    // More than is looked at one by one lies before what bob may see.
    for (let text = 0; text < 150; text += 1) await alice.sendText(roomId, 'hidden')
    expect((await near(bob, roomId, 0, 'f')).status).toBe(403)
    expect((await near(bob, '!nowhere:homeroom.test', 0, 'f')).body).toEqual((await near(bob, roomId, 0, 'f')).body)
    clock.advance(HOUR_MS)
    await bob.join(roomId)
    const during = await later(bob, roomId)
    const first = await found(bob, roomId, before.origin_server_ts, 'f')
    const joined = await bob.getEvent(roomId, first.event_id)
    expect(joined.content.membership).toBe('join')
    // Events that anybody who joins later may read are found behind hidden ones.
    const open = await found(bob, roomId, joined.origin_server_ts - 1, 'b')
    expect((await bob.getEvent(roomId, open.event_id)).type).toBe('m.room.history_visibility')
    await bob.leave(roomId)
    const after = await later(alice, roomId)
    for (let text = 0; text < 150; text += 1) await alice.sendText(roomId, 'hidden too')
    expect(await found(alice, roomId, after.origin_server_ts, 'b')).toEqual(after)
    const last = await found(bob, roomId, Number.MAX_SAFE_INTEGER, 'b')
    expect((await bob.getEvent(roomId, last.event_id)).content.membership).toBe('leave')
    expect(await found(bob, roomId, during.origin_server_ts + 1_800_000, 'f')).toBe(404)
    expect(await found(bob, roomId, during.origin_server_ts, 'f')).toEqual(during)
  })

  it('leaves out messages of ignored users', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const ignored = await later(bob, roomId)
    const own = await later(alice, roomId)
    const path = `/v3/user/${enc(alice.userId)}/account_data/m.ignored_user_list`
    await alice.put(path, { ignored_users: { [bob.userId]: {} } })
    expect(await found(alice, roomId, ignored.origin_server_ts, 'f')).toEqual(own)
    expect(await found(bob, roomId, ignored.origin_server_ts, 'f')).toEqual(ignored)
  })

  it('refuses what is no time and no direction, after asking who may read the room', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    for (const ts of ['', 'soon', '1.5', '1e30', '9007199254740993'])
      expect((await near(alice, roomId, ts, 'f')).body.errcode).toBe('M_INVALID_PARAM')
    expect((await near(alice, roomId, 0, 'x')).status).toBe(400)
    const missing = await alice.request('GET', `/v1/rooms/${enc(roomId)}/timestamp_to_event?dir=f`)
    expect([missing.status, missing.body.errcode]).toEqual([400, 'M_MISSING_PARAM'])
    const bob = await homeserver.register('bob')
    expect((await near(bob, roomId, 'soon', 'x')).status).toBe(403)
    expect((await homeserver.client().request('GET', `/v1/rooms/${enc(roomId)}/timestamp_to_event`)).status).toBe(401)
  })
})
