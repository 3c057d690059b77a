import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const V1 = '/_matrix/client/api/v1'
const SECRET = 'the secret'

const roomWith = async (history_visibility: string): Promise<string> => {
  const initial = [{ type: 'm.room.history_visibility', content: { history_visibility } }]
  return alice.createRoom({ preset: 'public_chat', topic: SECRET, initial_state: initial })
}

/** Paths whose answer, to that client, has the secret in it. */
const leaks = async (client: TestClient, roomId: string, since: string, eventId: string): Promise<string[]> => {
  const room = `/v3/rooms/${enc(roomId)}`
  const paths = [
    '/v3/sync',
    `/v3/sync?filter=${enc('{"room":{"timeline":{"limit":1}}}')}`,
    `/v3/sync?since=${since}`,
    `/v3/sync?since=${since}&full_state=true`,
    `${room}/state`,
    `${room}/state/m.room.topic?format=event`,
    `${room}/messages?dir=b`,
    `${room}/event/${enc(eventId)}`,
    `${room}/context/${enc(eventId)}`,
    `${V1}/rooms/${enc(roomId)}/initialSync?limit=100`,
    `${V1}/initialSync?limit=100`,
    `${V1}/rooms/${enc(roomId)}/state`,
  ]
  const found: string[] = []
  for (const path of paths) {
    const { body } = await client.request('GET', path)
    if (JSON.stringify(body).includes(SECRET)) found.push(path)
  }
  return found
}

describe('what a state event took the place of', () => {
  it.each([
    ['joined', 0],
    ['invited', 0],
    ['shared', 12],
  ] as const)('is for who may see it: %s', async (visibility, seen) => {
    const roomId = await roomWith(visibility)
    const { next_batch: outside } = await bob.sync()
    const before = await alice.setState(roomId, 'm.room.topic', '', { topic: 'before bob came' })
    await bob.join(roomId)
    expect(await leaks(bob, roomId, outside, before)).toHaveLength(seen)
    const event = await alice.ok('GET', `/v3/rooms/${enc(roomId)}/event/${enc(before)}`)
    expect(event.unsigned.prev_content).toEqual({ topic: SECRET, 'm.topic': expect.anything() })
  })

  it('is not told with the change that ends it, to who waits for that', async () => {
    const roomId = await roomWith('joined')
    await alice.setState(roomId, 'm.test', 'key', { text: SECRET })
    await alice.setState(roomId, 'm.test', 'key', { text: 'before bob came' })
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const poll = bob.nextSync(since)
    const oldPoll = bob.get(`${V1}/events?from=${since}&timeout=10000`)
    await alice.setState(roomId, 'm.test', 'key', { text: 'while bob is here' })
    const shown = (await poll).rooms.join[roomId].timeline.events.at(-1)
    expect(shown.content).toEqual({ text: 'while bob is here' })
    expect(shown.unsigned.prev_content).toBeUndefined()
    expect(JSON.stringify(await oldPoll)).not.toContain('before bob came')
    const next = bob.nextSync((await bob.sync({ since })).next_batch)
    await alice.setState(roomId, 'm.test', 'key', { text: 'the last' })
    const last = (await next).rooms.join[roomId].timeline.events.at(-1)
    expect(last.unsigned.prev_content).toEqual({ text: 'while bob is here' })
  })

  it('is one’s own earlier membership, always', async () => {
    const roomId = await roomWith('joined')
    await alice.invite(roomId, bob.userId)
    await bob.join(roomId)
    const { chunk } = await bob.messages(roomId, { dir: 'b', limit: 1 })
    const [own]: Json[] = chunk
    expect(own.unsigned.prev_content).toMatchObject({ membership: 'invite' })
  })
})
