import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { deviceKeysOf } from './fixture.ts'

const DAY_MS = 24 * 3_600_000
/** Longer than a test may take: a request that is not woken fails it. */
const LONG = 600_000

type Messages = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const send = (client: TestClient, messages: Messages, txn = client.nextTransaction(), type = 'm.test') =>
  client.request('PUT', `/v3/sendToDevice/${type}/${encodeURIComponent(txn)}`, { body: { messages } })

const sent = async (client: TestClient, messages: Messages, txn?: string): Promise<void> => {
  expect(await send(client, messages, txn)).toMatchObject({ status: 200, body: {} })
}

const messagesIn = (sync: Json): unknown[] => sync.to_device.events.map(({ content }: Json) => content.n ?? content)

const numbered = (count: number, from = 0): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + index)

onEveryHomeserver('messages to devices', (start) => {
  const clock = new SteppedClock()
  const homeserver = shareHomeserver(start, { clock })
  const pair = async (): Promise<readonly [TestClient, TestClient]> => {
    const server = await homeserver()
    return [await server.register('alice'), await server.register('bob')]
  }

  it('are delivered with their type and sender, at least once, until the device shows by its next since that it has them', async () => {
    const [alice, bob] = await pair()
    const { next_batch: begin } = await bob.sync()
    await sent(alice, { [bob.userId]: { [bob.deviceId]: { n: 1 } } })
    const first = await bob.sync({ since: begin })
    expect(first.to_device.events).toEqual([{ type: 'm.test', sender: alice.userId, content: { n: 1 } }])
    // The answer was lost, or its client died: again, also to a client that begins anew.
    expect(messagesIn(await bob.sync({ since: begin }))).toEqual([1])
    expect(messagesIn(await bob.sync())).toEqual([1])
    expect(messagesIn(await bob.sync({ since: first.next_batch }))).toEqual([])
    // Never again after that, whatever token comes.
    expect(messagesIn(await bob.sync({ since: begin }))).toEqual([])
    expect(messagesIn(await bob.sync())).toEqual([])
  })

  it('that were acknowledged are gone after a restart too, and the others are not', async () => {
    const [alice, bob] = await pair()
    const { next_batch: begin } = await bob.sync()
    await sent(alice, { [bob.userId]: { [bob.deviceId]: { n: 1 } } })
    const { next_batch: later } = await bob.sync({ since: begin })
    await (await homeserver()).restart()
    expect(messagesIn(await bob.sync({ since: begin }))).toEqual([1])
    expect(messagesIn(await bob.sync({ since: later }))).toEqual([])
    await sent(alice, { [bob.userId]: { [bob.deviceId]: { n: 2 } } })
    await (await homeserver()).restart()
    expect(messagesIn(await bob.sync())).toEqual([2])
    expect(messagesIn(await bob.sync({ since: begin }))).toEqual([2])
  })

  it('for * reach all devices that the user has now, and a device named beside it gets only its own', async () => {
    const [alice, bob] = await pair()
    const tablet = await bob.loginAgain()
    await sent(alice, { [bob.userId]: { '*': { n: 'all' }, [tablet.deviceId]: { n: 'tablet' } } })
    const late = await bob.loginAgain()
    expect(messagesIn(await bob.sync())).toEqual(['all'])
    expect(messagesIn(await tablet.sync())).toEqual(['tablet'])
    expect(messagesIn(await late.sync())).toEqual([])
  })

  it('of one device are not seen and not acknowledged by another', async () => {
    const [alice, bob] = await pair()
    const tablet = await bob.loginAgain()
    await sent(alice, { [bob.userId]: { [tablet.deviceId]: { n: 1 } } })
    const { next_batch } = await bob.sync()
    expect(messagesIn(await bob.sync({ since: next_batch }))).toEqual([])
    expect(messagesIn(await tablet.sync())).toEqual([1])
  })

  it('to users, devices and servers that do not exist are passed over', async () => {
    const [alice, bob] = await pair()
    await sent(alice, {
      '@nobody:localhost': { '*': { n: 0 } },
      '@someone:elsewhere.test': { DEVICE: { n: 0 } },
      'not a user': { DEVICE: { n: 0 } },
      [bob.userId]: { UNKNOWN: { n: 0 }, [bob.deviceId]: { n: 1 } },
    })
    expect(messagesIn(await bob.sync())).toEqual([1])
  })

  it('of a transaction are sent once, for at least a day and across restarts, while other types and devices are apart', async () => {
    const [alice, bob] = await pair()
    const to = (n: unknown): Messages => ({ [bob.userId]: { [bob.deviceId]: { n } } })
    await sent(alice, to(1), 'txn')
    await Promise.all([sent(alice, to('again'), 'txn'), sent(alice, to('again'), 'txn')])
    await (await homeserver()).restart()
    clock.advance(DAY_MS)
    await sent(alice, to('again'), 'txn')
    expect((await send(alice, to(2), 'txn', 'm.other')).status).toBe(200)
    await sent(await alice.loginAgain(), to(3), 'txn')
    expect(messagesIn(await bob.sync())).toEqual([1, 2, 3])
  })

  it('come in their order, at most 100 an answer, and the next answer at once', async () => {
    const [alice, bob] = await pair()
    const { next_batch: begin } = await bob.sync()
    for (const n of numbered(250)) await sent(alice, { [bob.userId]: { [bob.deviceId]: { n } } })
    const first = await bob.sync({ since: begin, timeout: LONG })
    expect(messagesIn(first)).toEqual(numbered(100))
    const second = await bob.sync({ since: first.next_batch, timeout: LONG })
    expect(messagesIn(second)).toEqual(numbered(100, 100))
    const third = await bob.sync({ since: second.next_batch, timeout: LONG })
    expect(messagesIn(third)).toEqual(numbered(50, 200))
    expect(messagesIn(await bob.sync({ since: third.next_batch }))).toEqual([])
  })

  it('fill an answer up to its bytes only, however many are allowed', async () => {
    const [alice, bob] = await pair()
    const text = 'x'.repeat(60_000)
    for (const n of numbered(40)) await sent(alice, { [bob.userId]: { [bob.deviceId]: { n, text } } })
    const got: number[] = []
    let since: string | undefined
    for (let round = 0; round < 4 && got.length < 40; round++) {
      const sync = await bob.sync({ since, timeout: LONG })
      expect(JSON.stringify(sync).length).toBeLessThan(1_100_000)
      got.push(...sync.to_device.events.map(({ content }: Json) => content.n))
      since = sync.next_batch
    }
    expect(got).toEqual(numbered(40))
  })

  it('wake a waiting client', async () => {
    const [alice, bob] = await pair()
    const { next_batch } = await bob.sync()
    const waiting = bob.sync({ since: next_batch, timeout: LONG })
    await sent(alice, { [bob.userId]: { '*': { n: 1 } } })
    expect(messagesIn(await waiting)).toEqual([1])
  })

  it('of more than 64 KiB are refused, and nothing of their request is stored', async () => {
    const [alice, bob] = await pair()
    const fits = { text: 'x'.repeat(65_536 - '{"text":""}'.length) }
    const large = { text: `${fits.text}x` }
    const refused = await send(alice, { [bob.userId]: { [bob.deviceId]: { n: 1 } }, [alice.userId]: { '*': large } })
    expect([refused.status, refused.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
    expect(messagesIn(await bob.sync())).toEqual([])
    await sent(alice, { [bob.userId]: { [bob.deviceId]: fits } })
    expect(messagesIn(await bob.sync())).toEqual([fits])
  })

  it('that are no messages are refused', async () => {
    const [alice, bob] = await pair()
    const bodies = [
      {},
      { messages: [] },
      { messages: { [bob.userId]: [] } },
      { messages: { [bob.userId]: { [bob.deviceId]: 'text' } } },
      { messages: { [bob.userId]: { [bob.deviceId]: null } } },
    ]
    for (const body of bodies) {
      const { status } = await alice.request('PUT', `/v3/sendToDevice/m.test/${alice.nextTransaction()}`, { body })
      expect(status).toBe(400)
    }
    expect(messagesIn(await bob.sync())).toEqual([])
  })

  it('are not taken by a token from the future, nor by one of another server', async () => {
    const [alice, bob] = await pair()
    await sent(alice, { [bob.userId]: { [bob.deviceId]: { n: 1 } } })
    const { next_batch } = await bob.sync()
    const positions = next_batch.split('_')
    positions[4] = '999999999'
    for (const since of [positions.join('_'), 's72594_4483_1934'])
      expect((await bob.request('GET', '/v3/sync', { query: { since } })).body.errcode).toBe('M_INVALID_PARAM')
    expect(messagesIn(await bob.sync())).toEqual([1])
  })

  it('are not acknowledged by the tokens of the event stream of 2015, which does not carry them', async () => {
    const [alice, bob] = await pair()
    await sent(alice, { [bob.userId]: { [bob.deviceId]: { n: 1 } } })
    const { end } = await bob.get('/v3/initialSync')
    const { end: later } = await bob.get('/v3/events', { from: end, timeout: 0 })
    const { end: fresh } = await bob.get('/v3/events', { timeout: 0 })
    for (const since of [end, later, fresh]) expect(messagesIn(await bob.sync({ since }))).toEqual([1])
  })

  it('wait also for the device that sends them', async () => {
    const [alice] = await pair()
    await sent(alice, { [alice.userId]: { '*': { n: 'note to self' } } })
    expect(messagesIn(await alice.sync())).toEqual(['note to self'])
  })

  it('that ask for keys are not shown to those who ignore the sender, others are', async () => {
    const [alice, bob] = await pair()
    await bob.put(`/v3/user/${bob.userId}/account_data/m.ignored_user_list`, { ignored_users: { [alice.userId]: {} } })
    expect((await send(alice, { [bob.userId]: { '*': { n: 1 } } }, 'a', 'm.room_key_request')).status).toBe(200)
    await sent(alice, { [bob.userId]: { '*': { n: 2 } } })
    expect(messagesIn(await bob.sync())).toEqual([2])
  })
})

onEveryHomeserver('an inbox', (start) => {
  it('takes messages up to its size, and again once the device has fetched some', async () => {
    await using homeserver = await start({ settings: { encryption: { inboxSize: '100KiB' } } })
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const text = 'x'.repeat(40_000)
    const to = (n: number): Messages => ({ [bob.userId]: { '*': { n, text } }, [alice.userId]: { '*': { n } } })
    for (const n of numbered(4)) await sent(alice, to(n))
    const { next_batch, to_device } = await bob.sync()
    expect(to_device.events.map(({ content }: Json) => content.n)).toEqual([0, 1])
    // Others get theirs.
    expect(messagesIn(await alice.sync())).toEqual(numbered(4))
    await bob.sync({ since: next_batch })
    await sent(alice, to(4))
    expect((await bob.sync({ since: next_batch })).to_device.events.map(({ content }: Json) => content.n)).toEqual([4])
  })

  it('goes with its device, and a device of the same name has a new one', async () => {
    const clock = new SteppedClock()
    await using homeserver = await start({ clock })
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const tablet = await bob.loginAgain({ device_id: 'TABLET' })
    await sent(alice, { [bob.userId]: { '*': { n: 1 } } })
    await tablet.post('/v3/logout')
    const again = await bob.loginAgain({ device_id: 'TABLET' })
    expect(messagesIn(await again.sync())).toEqual([])
    expect(messagesIn(await bob.sync())).toEqual([1])
    await homeserver.restart()
    expect(messagesIn(await again.sync())).toEqual([])
    expect(messagesIn(await bob.sync())).toEqual([1])
  })

  it('of a device that was not seen for a time is cleared where the operator wants that, and that of a dehydrated one is not', async () => {
    const clock = new SteppedClock()
    await using homeserver = await start({ clock, settings: { encryption: { clearInboxAfter: '90d' } } })
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const tablet = await bob.loginAgain()
    await bob.put('/unstable/org.matrix.msc3814.v1/dehydrated_device', {
      device_id: 'DRY',
      device_data: {},
      device_keys: deviceKeysOf(Object.assign(Object.create(bob), { deviceId: 'DRY' })),
    })
    await sent(alice, { [bob.userId]: { '*': { n: 1 } } })
    clock.advance(91 * DAY_MS)
    await bob.get('/v3/devices')
    await homeserver.restart()
    clock.advance(11 * 60_000)
    await expect.poll(async () => messagesIn(await tablet.sync())).toEqual([])
    expect(messagesIn(await bob.sync())).toEqual([1])
    const dry = await bob.get('/unstable/org.matrix.msc3814.v1/dehydrated_device/DRY/events')
    expect(dry.events).toHaveLength(1)
  })
})
