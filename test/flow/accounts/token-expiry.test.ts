import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const LIFETIME_MS = 60_000
/** Longer than a token lives, and than the test may take. */
const WAIT_MS = 170_000

/** Tells when a request has begun to wait. */
class WatchedClock extends SteppedClock {
  waits = 0

  override after(delayMs: number, fire: () => void): () => void {
    if (delayMs > LIFETIME_MS && delayMs <= WAIT_MS) this.waits++
    return super.after(delayMs, fire)
  }
}

const clock = new WatchedClock()
let homeserver: TestHomeserver
let friend: TestClient
let names = 0

beforeAll(async () => {
  homeserver = await startHomeserver({
    clock,
    settings: { sessions: { refreshableAccessTokenLifetime: `${LIFETIME_MS / 1_000}s` } },
  })
  friend = await homeserver.register('friend')
})
afterAll(() => homeserver.stop())

const shortLived = async (): Promise<TestClient> => {
  const client = homeserver.client()
  await client.register(`short${names++}`, { refresh_token: true })
  return client
}
const SOFT_LOGOUT = { errcode: 'M_UNKNOWN_TOKEN', soft_logout: true }

it.each([0, 20_000, 40_000, 55_000])(
  'a token ends when it expires, though it was checked and remembered %i ms after it was given',
  async (usedAfterMs) => {
    const client = await shortLived()
    clock.advance(usedAfterMs)
    expect((await client.request('GET', '/v3/account/whoami')).status).toBe(200)
    clock.advance(LIFETIME_MS - usedAfterMs)
    const { status, body } = await client.request('GET', '/v3/account/whoami')
    expect(status).toBe(401)
    expect(body).toMatchObject(SOFT_LOGOUT)
  },
)

it.each([
  ['/v3/sync', 'since'],
  ['/v3/events', 'from'],
])('a token that expires while %s waits gets no news', async (path, from) => {
  const client = await shortLived()
  const roomId = await friend.createRoom({ preset: 'public_chat' })
  await client.join(roomId)
  const { next_batch: since } = await client.sync()
  const { next_batch: now } = await client.sync({ since })
  const { waits } = clock
  const poll = client.request('GET', path, { query: { [from]: now, timeout: WAIT_MS, room_id: roomId } })
  await expect.poll(() => clock.waits).toBeGreaterThan(waits)
  clock.advance(LIFETIME_MS)
  await friend.sendText(roomId, 'the secret')
  const { status, body } = await poll
  expect(status).toBe(401)
  expect(body).toMatchObject(SOFT_LOGOUT)
  expect(JSON.stringify(body)).not.toContain('the secret')
})
