import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NO_PRESENCE, PASSWORD, type TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let names = 0

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const someone = (): Promise<TestClient> => homeserver.register(`someone${names++}`)
const passwordOf = (client: TestClient, session?: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: client.userId },
  password: PASSWORD,
  ...(session === undefined ? {} : { session }),
})

/** Each ends the session of `client`, some of them by way of another device of the same user. */
const ENDINGS = {
  'logged out': async (client: TestClient) => void (await client.post('/v3/logout')),
  'logged out everywhere': async (_: TestClient, other: TestClient) => void (await other.post('/v3/logout/all')),
  'removed as a device': async (client: TestClient, other: TestClient) =>
    void (await other.delete(`/v3/devices/${client.deviceId}`, { auth: passwordOf(client) })),
  'ended by a new password': async (client: TestClient, other: TestClient) =>
    void (await other.post('/v3/account/password', { new_password: `${PASSWORD}!`, auth: passwordOf(client) })),
  'ended by a login on the same device': async (client: TestClient, other: TestClient) =>
    void (await other.login(client.userId, { device_id: client.deviceId })),
  deactivated: async (client: TestClient, other: TestClient) =>
    void (await other.post('/v3/account/deactivate', { auth: passwordOf(client) })),
} satisfies Record<string, (client: TestClient, other: TestClient) => Promise<void>>

describe('a session that was ended', () => {
  it.each(Object.keys(ENDINGS) as (keyof typeof ENDINGS)[])('hears nothing more: %s', async (ending) => {
    const client = await someone()
    const other = await client.loginAgain()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await client.join(roomId)
    const { next_batch: since } = await client.sync()
    const { next_batch: now } = await client.sync({ since })
    const polls = [
      client.request('GET', '/v3/sync', { query: { since: now, timeout: 20_000, filter: NO_PRESENCE } }),
      client.request('GET', '/v3/events', { query: { from: now, timeout: 20_000, room_id: roomId } }),
    ]
    await ENDINGS[ending](client, other)
    await alice.sendText(roomId, 'the secret').catch(() => undefined)
    await other.put(`/v3/user/${enc(client.userId)}/account_data/org.example`, {}).catch(() => undefined)
    for (const { status, body } of await Promise.all(polls)) {
      expect(status).toBe(401)
      expect(body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    }
    expect((await client.request('GET', '/v3/account/whoami')).status).toBe(401)
  })
})

it.each(Object.keys(ENDINGS) as (keyof typeof ENDINGS)[])(
  'a session is told at once that it was %s',
  async (ending) => {
    const client = await someone()
    const other = await client.loginAgain()
    // Longer than the test may take.
    const poll = async (of: TestClient) => {
      const { next_batch: since } = await of.sync()
      const { next_batch: now } = await of.sync({ since })
      const query = { since: now, timeout: 300_000, filter: NO_PRESENCE }
      return { answer: of.request('GET', '/v3/sync', { query }) }
    }
    const [ended, spared] = [await poll(client), await poll(alice)]
    const old = client.request('GET', '/_matrix/client/api/v1/events', { query: { timeout: 300_000 } })
    await ENDINGS[ending](client, other)
    expect((await ended.answer).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    expect([(await ended.answer).status, (await old).status]).toEqual([401, 403])
    await alice.put(`/v3/user/${enc(alice.userId)}/account_data/org.example.news`, { ending })
    expect((await spared.answer).body.account_data.events).toMatchObject([{ content: { ending } }])
  },
)

it('a session waits on where another one of the same user was ended', async () => {
  const client = await someone()
  const other = await client.loginAgain()
  const { next_batch: since } = await client.sync()
  const { next_batch: now } = await client.sync({ since })
  // The device that is gone is news too.
  const waiting = client.syncUntil(now, ({ account_data: { events } }) => events.length > 0)
  await other.post('/v3/logout')
  await client.put(`/v3/user/${enc(client.userId)}/account_data/org.example.news`, { n: 1 })
  expect((await waiting).account_data.events).toMatchObject([{ content: { n: 1 } }])
})
