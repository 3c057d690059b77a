import { expect, it } from 'vitest'
import type { Body, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent
const TYPE = 'org.matrix.msc4143.rtc.member'
const MINUTE_MS = 60_000
/** Of the timeline only what is said, so that a sticky event is in its own section. */
const MESSAGES = JSON.stringify({ room: { timeline: { types: ['m.room.message'] } }, presence: { not_types: ['*'] } })

const stick = async (client: TestClient, roomId: string, durationMs: number, content: Body = {}): Promise<string> => {
  const path = `/v3/rooms/${enc(roomId)}/send/${TYPE}/${client.nextTransaction()}`
  const query = { 'org.matrix.msc4354.sticky_duration_ms': durationMs }
  return (await client.ok('PUT', path, { body: content, query })).event_id
}
const stickyIn = (sync: Json, roomId: string): Json[] => sync.rooms.join[roomId]?.msc4354_sticky?.events ?? []
const idsIn = (sync: Json, roomId: string): string[] => stickyIn(sync, roomId).map(({ event_id }) => event_id)

onEveryHomeserver('sticky events', (start) => {
  const shared = shareHomeserver(start)

  const aRoom = async (on?: TestHomeserver, options: Body = {}) => {
    const homeserver = on ?? (await shared())
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat', ...options })
    return { homeserver, alice, bob, roomId }
  }

  it('are told with their duration and what is left of it, in the timeline or beside it, and once', async () => {
    const { alice, bob, roomId } = await aRoom()
    await bob.join(roomId)
    const first = await bob.sync({ filter: MESSAGES })
    const eventId = await stick(alice, roomId, 10 * MINUTE_MS, { msc4354_sticky_key: 'phone' })
    const inTimeline = await bob.sync({ since: first.next_batch })
    expect(stickyIn(inTimeline, roomId)).toEqual([])
    const [told] = inTimeline.rooms.join[roomId].timeline.events
    expect(told).toMatchObject({ event_id: eventId, msc4354_sticky: { duration_ms: 10 * MINUTE_MS } })
    const beside = await bob.sync({ since: first.next_batch, filter: MESSAGES })
    const [event] = stickyIn(beside, roomId)
    expect(event).toMatchObject({
      event_id: eventId,
      ...{ type: TYPE, sender: alice.userId, content: { msc4354_sticky_key: 'phone' } },
      msc4354_sticky: { duration_ms: 10 * MINUTE_MS },
    })
    const ttl = event.unsigned.msc4354_sticky_duration_ttl_ms
    expect(ttl).toBeGreaterThan(9 * MINUTE_MS)
    expect(ttl).toBeLessThanOrEqual(10 * MINUTE_MS)
    expect(beside.rooms.join[roomId].timeline.events).toEqual([])
    await alice.sendText(roomId, 'more')
    const after = await bob.sync({ since: beside.next_batch, filter: MESSAGES })
    expect(after.rooms.join[roomId]).not.toHaveProperty('msc4354_sticky')
    expect((await bob.getEvent(roomId, eventId)).msc4354_sticky).toEqual({ duration_ms: 10 * MINUTE_MS })
  })

  it('wake a client that waits, whatever its filter leaves of the timeline', async () => {
    const { alice, bob, roomId } = await aRoom()
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync({ filter: MESSAGES })
    const waiting = bob.sync({ since, timeout: 30_000, filter: MESSAGES })
    const eventId = await stick(alice, roomId, MINUTE_MS)
    expect(idsIn(await waiting, roomId)).toEqual([eventId])
  })

  it('reach a client behind a gap, and whoever joins later or syncs for the first time, in their order', async () => {
    const { homeserver, alice, bob, roomId } = await aRoom(undefined, {
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
    })
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const carol = await homeserver.register('carol')
    const { next_batch: before } = await carol.sync()
    const ids: string[] = []
    for (let count = 0; count < 60; count++) ids.push(await stick(alice, roomId, 30 * MINUTE_MS, { count }))
    for (let count = 0; count < 12; count++) await alice.sendText(roomId, `${count}`)
    const behind = await bob.sync({ since })
    expect(behind.rooms.join[roomId].timeline.limited).toBe(true)
    expect(idsIn(behind, roomId)).toEqual(ids)
    await carol.join(roomId)
    expect(idsIn(await carol.sync({ since: before }), roomId)).toEqual(ids)
    expect(idsIn(await carol.sync(), roomId)).toEqual(ids)
    expect(idsIn(await carol.sync({ since: before, full_state: true }), roomId)).toEqual(ids)
    const dave = await homeserver.register('dave')
    expect((await dave.request('GET', `/v3/rooms/${enc(roomId)}/event/${enc(ids[0] ?? '')}`)).status).toBe(404)
  })

  it('are not told any more when their time is over, also after a restart', async () => {
    const clock = new SteppedClock()
    await using homeserver = await start({ clock })
    const { alice, bob, roomId } = await aRoom(homeserver)
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const short = await stick(alice, roomId, 5 * MINUTE_MS)
    const long = await stick(alice, roomId, 60 * MINUTE_MS)
    const ended = await stick(alice, roomId, 0)
    clock.advance(MINUTE_MS)
    expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toEqual([short, long])
    clock.advance(5 * MINUTE_MS)
    expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toEqual([long])
    await homeserver.restart()
    expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toEqual([long])
    expect((await bob.getEvent(roomId, ended)).unsigned).not.toHaveProperty('msc4354_sticky_duration_ttl_ms')
    clock.advance(60 * MINUTE_MS)
    expect(idsIn(await bob.sync({ filter: MESSAGES }), roomId)).toEqual([])
    await homeserver.restart()
    expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toEqual([])
  })

  it('that are redacted are like any other event, and those of an ignored user are not told', async () => {
    const { alice, bob, roomId } = await aRoom()
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const redacted = await stick(alice, roomId, MINUTE_MS)
    const kept = await stick(alice, roomId, MINUTE_MS)
    await alice.redact(roomId, redacted)
    expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toEqual([kept])
    expect(await bob.getEvent(roomId, redacted)).not.toHaveProperty('msc4354_sticky')
    const ignored = { ignored_users: { [alice.userId]: {} } }
    await bob.put(`/v3/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, ignored)
    expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toEqual([])
  })

  it('can be delayed, and begin to stick when they are sent', async () => {
    const { alice, bob, roomId } = await aRoom()
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync({ filter: MESSAGES })
    const query = { 'org.matrix.msc4354.sticky_duration_ms': MINUTE_MS, 'org.matrix.msc4140.delay': 200 }
    await alice.ok('PUT', `/v3/rooms/${enc(roomId)}/send/${TYPE}/delayed`, { body: {}, query })
    const sync = await bob.syncUntil(since, (one) => one.rooms.join[roomId] !== undefined)
    expect(sync.rooms.join[roomId].timeline.events[0].msc4354_sticky).toEqual({ duration_ms: MINUTE_MS })
    expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toHaveLength(1)
  })

  it('may be state as well, and in rooms of every version hash and sign as they are', async () => {
    for (const version of ['1', '6', '11', '12']) {
      const { alice, bob, roomId } = await aRoom(undefined, { room_version: version })
      await bob.join(roomId)
      const { next_batch: since } = await bob.sync()
      const query = { 'org.matrix.msc4354.sticky_duration_ms': MINUTE_MS }
      const path = `/v3/rooms/${enc(roomId)}/state/org.example/${enc(alice.userId)}`
      const { event_id: state } = await alice.ok('PUT', path, { body: {}, query })
      const message = await stick(alice, roomId, MINUTE_MS)
      expect(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId)).toEqual([state, message])
    }
  })

  it('have a duration from nothing to an hour', async () => {
    const { alice, roomId } = await aRoom()
    for (const duration of ['-1', '3600001', '1.5', 'long', ''])
      for (const path of [`send/${TYPE}/${alice.nextTransaction()}`, `state/${TYPE}/key`]) {
        const query = { 'org.matrix.msc4354.sticky_duration_ms': duration }
        const { status, body } = await alice.request('PUT', `/v3/rooms/${enc(roomId)}/${path}`, { query, body: {} })
        expect([status, body.errcode], duration).toEqual([400, 'M_INVALID_PARAM'])
      }
    await stick(alice, roomId, 3_600_000)
  })

  it('are all told where 32 are sent at once', async () => {
    const { alice, bob, roomId } = await aRoom()
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const ids = await Promise.all(Array.from({ length: 32 }, (_, n) => stick(alice, roomId, MINUTE_MS, { n })))
    expect(new Set(idsIn(await bob.sync({ since, filter: MESSAGES }), roomId))).toEqual(new Set(ids))
  })
})
