import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent
const DAY_MS = 24 * 3_600_000

const schedule = (client: TestClient, roomId: string, body: unknown) =>
  client.request('PUT', `/v3/rooms/${enc(roomId)}/delayed_event/org.example/${client.nextTransaction()}`, { body })
const ofDelay = (delay_ms: number, text = ''): Json => ({ delay_ms, content: { text } })

onEveryHomeserver('limits of delayed events', (start) => {
  const shared = shareHomeserver(start, { settings: { delayedEvents: { maxScheduled: 3, maxDelay: '1h' } } })

  const aRoom = async () => {
    const alice = await (await shared()).register('alice')
    return { alice, roomId: await alice.createRoom() }
  }

  it('are told as a capability', async () => {
    const { alice } = await aRoom()
    const { capabilities } = await alice.get('/v3/capabilities')
    const limits = { max_delay_ms: 3_600_000, max_scheduled: 3 }
    expect(capabilities['m.delayed_events']).toEqual(limits)
    expect(capabilities['org.matrix.msc4140.delayed_events']).toEqual(limits)
  })

  it('are a number of a user, who is told when there is room for another', async () => {
    const { alice, roomId } = await aRoom()
    const [first] = [await schedule(alice, roomId, ofDelay(900_000)), await schedule(alice, roomId, ofDelay(1_000_000))]
    const { status } = await schedule(alice, roomId, ofDelay(1_100_000))
    expect(status).toBe(200)
    const full = await schedule(alice, roomId, ofDelay(1))
    expect(full).toMatchObject({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } })
    const waitS = Number(full.headers.get('retry-after'))
    expect(waitS).toBeGreaterThan(800)
    expect(waitS).toBeLessThanOrEqual(900)
    await alice.post(`/v1/delayed_events/${first?.body.delay_id}/cancel`)
    expect((await schedule(alice, roomId, ofDelay(900_000))).status).toBe(200)
    expect((await schedule(alice, roomId, ofDelay(900_000))).status).toBe(429)
  })

  it('hold for 32 at once', async () => {
    const { alice, roomId } = await aRoom()
    const answers = await Promise.all(Array.from({ length: 32 }, () => schedule(alice, roomId, ofDelay(900_000))))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(29)
  })

  it('are a delay, a size, and the form of the request', async () => {
    const { alice, roomId } = await aRoom()
    const cases: (readonly [unknown, number, string])[] = [
      [ofDelay(3_600_001), 403, 'M_FORBIDDEN'],
      [ofDelay(0), 400, 'M_BAD_JSON'],
      [ofDelay(-1), 400, 'M_BAD_JSON'],
      [ofDelay(1.5), 400, 'M_BAD_JSON'],
      [{ delay_ms: '5', content: {} }, 400, 'M_BAD_JSON'],
      [{ content: {} }, 400, 'M_MISSING_PARAM'],
      [{ delay_ms: 5 }, 400, 'M_MISSING_PARAM'],
      [{ delay_ms: 5, content: [] }, 400, 'M_BAD_JSON'],
      [{ delay_ms: 5, content: {}, state_key: 5 }, 400, 'M_BAD_JSON'],
      [{ delay_ms: 5, content: {}, state_key: '\u0000' }, 400, 'M_INVALID_PARAM'],
      [{ delay_ms: 5, content: { n: 1.5 } }, 400, 'M_BAD_JSON'],
      [{ delay_ms: 5, content: { text: '\ud800' } }, 400, 'M_BAD_JSON'],
      [{ delay_ms: 5, content: {}, state_key: 'x'.repeat(256) }, 413, 'M_TOO_LARGE'],
      [ofDelay(5, 'x'.repeat(70_000)), 413, 'M_TOO_LARGE'],
    ]
    for (const [body, status, errcode] of cases) {
      const answer = await schedule(alice, roomId, body)
      expect([answer.status, answer.body.errcode], JSON.stringify(body).slice(0, 80)).toEqual([status, errcode])
    }
    expect((await alice.get('/v1/delayed_events')).delayed_events).toEqual([])
  })

  it('refuse a delay that is malformed in a query, which would else send the event at once', async () => {
    const { alice, roomId } = await aRoom()
    for (const path of [`send/org.example/${alice.nextTransaction()}`, 'state/org.example/key'])
      for (const query of [
        { 'org.matrix.msc4140.delay': '0' },
        { 'org.matrix.msc4140.delay': '-1' },
        { 'org.matrix.msc4140.delay': 'soon' },
        { 'org.matrix.msc4140.delay': '' },
        { 'org.matrix.msc4140.parent_delay_id': 'x' },
      ]) {
        const { status, body } = await alice.request('PUT', `/v3/rooms/${enc(roomId)}/${path}`, { query, body: {} })
        expect([status, body.errcode], JSON.stringify(query)).toEqual([400, 'M_INVALID_PARAM'])
      }
    const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 100 })
    expect(chunk.some(({ type }: Json) => type === 'org.example')).toBe(false)
  })

  it('are bytes of a user: large contents fill it before their number does', async () => {
    await using homeserver = await start({ settings: { delayedEvents: { maxScheduled: 1_000 } } })
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    const statuses: number[] = []
    for (let count = 0; count < 20; count++)
      statuses.push((await schedule(alice, roomId, ofDelay(900_000, 'x'.repeat(60_000)))).status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(17)
    expect(statuses.at(-1)).toBe(429)
  })

  it('can be set so that nobody delays anything', async () => {
    await using homeserver = await start({ settings: { delayedEvents: { maxScheduled: 0 } } })
    const alice = await homeserver.register('alice')
    expect(await schedule(alice, await alice.createRoom(), ofDelay(5))).toMatchObject({
      status: 403,
      body: { errcode: 'M_FORBIDDEN' },
    })
  })

  it('of sending hold for what is due: the error is kept for whoever scheduled it', async () => {
    const settings = { rateLimits: { enabled: true, message: '6/600s' }, delayedEvents: { maxScheduled: 100 } }
    await using homeserver = await start({ settings })
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    const ids: string[] = []
    for (let count = 0; count < 4; count++) ids.push((await schedule(alice, roomId, ofDelay(200))).body.delay_id)
    const ends = async (): Promise<Json[]> => Promise.all(ids.map((id) => alice.get(`/v1/delayed_events/${id}`)))
    await expect.poll(async () => (await ends()).every(({ finalised_ts }) => finalised_ts !== undefined)).toBe(true)
    const errors = (await ends()).map(({ error }) => error?.errcode)
    expect(errors).toEqual([undefined, undefined, 'M_LIMIT_EXCEEDED', 'M_LIMIT_EXCEEDED'])
  })

  it('keep what has ended for a week, and the newest thousand of a user', async () => {
    const clock = new SteppedClock()
    await using homeserver = await start({ clock })
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    const cancelled = async (): Promise<string> => {
      const { body } = await schedule(alice, roomId, ofDelay(900_000))
      await alice.post(`/v1/delayed_events/${body.delay_id}/cancel`)
      return body.delay_id
    }
    const known = async (id: string): Promise<number> => (await alice.request('GET', `/v1/delayed_events/${id}`)).status
    const first = await cancelled()
    const ids: string[] = []
    for (let count = 0; count < 20; count++)
      ids.push(...(await Promise.all(Array.from({ length: 50 }, () => cancelled()))))
    expect(await known(first)).toBe(404)
    expect(await known(ids[999] ?? '')).toBe(200)
    clock.advance(6 * DAY_MS)
    expect(await known(ids[999] ?? '')).toBe(200)
    clock.advance(1.1 * DAY_MS)
    await expect
      .poll(
        () => {
          clock.advance(120_000)
          return known(ids[999] ?? '')
        },
        { timeout: 10_000 },
      )
      .toBe(404)
  }, 60_000)
})
