import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
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

/** Everything a client can read of a room, through every path there is, as one text. */
const everything = async (client: TestClient, roomId: string, since: string, eventIds: readonly string[]) => {
  const room = `/rooms/${enc(roomId)}`
  const old = '/_matrix/client/api/v1'
  const paths = [
    '/v3/sync',
    `/v3/sync?since=${since}`,
    `/v3/sync?since=${since}&full_state=true`,
    `/v3/sync?filter=${enc('{"event_format":"federation"}')}`,
    `/v3/sync?filter=${enc('{"room":{"timeline":{"limit":1},"state":{"lazy_load_members":true}}}')}`,
    `/v3${room}/messages?dir=b&limit=100`,
    `/v3${room}/messages?dir=f&limit=100`,
    `/v3${room}/state`,
    `/v3${room}/state/m.room.topic?format=event`,
    `/v3${room}/members`,
    `/v3${room}/joined_members`,
    '/v3/publicRooms',
    `/v3/events?from=${since}&timeout=0`,
    `${old}${room}/state`,
    `${old}${room}/messages?dir=b&limit=100`,
    `${old}${room}/initialSync?limit=100`,
    `${old}/initialSync?limit=100`,
    `${old}/events?from=${since}&timeout=0`,
    ...eventIds.flatMap((id) => [
      `/v3${room}/event/${enc(id)}`,
      `/v3${room}/context/${enc(id)}?limit=100`,
      `${old}/events/${enc(id)}`,
    ]),
  ]
  const texts: string[] = []
  for (const path of paths) {
    const { status, body } = await client.request('GET', path)
    expect([200, 404], path).toContain(status)
    texts.push(`${path} ${JSON.stringify(body)}`)
  }
  return texts
}

const holding = (texts: readonly string[], secret: string): string[] =>
  texts.filter((text) => text.includes(secret)).map((text) => text.slice(0, text.indexOf(' ')))

describe('what was redacted is nowhere', () => {
  it('not in what took its place either, whoever read that before', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', visibility: 'public' })
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const first = await alice.setState(roomId, 'm.room.topic', '', { topic: 'the secret' })
    const second = await alice.setState(roomId, 'm.room.topic', '', { topic: 'harmless' })
    const ids = [first, second]
    expect(holding(await everything(bob, roomId, since, ids), 'the secret')).toContain('/v3/sync')
    await alice.redact(roomId, first)
    expect(holding(await everything(bob, roomId, since, ids), 'the secret')).toEqual([])
    expect(holding(await everything(alice, roomId, since, ids), 'the secret')).toEqual([])
  })

  it('not as state in force, nor as a message, and not what a member said of themselves', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', visibility: 'public', topic: 'the secret topic' })
    await bob.join(roomId)
    const { next_batch: since } = await alice.sync()
    const topic = (await bob.ok('GET', `/v3/rooms/${enc(roomId)}/state/m.room.topic`, { query: { format: 'event' } }))
      .event_id
    const message = await bob.sendText(roomId, 'the secret message')
    const name = await bob.setState(roomId, 'm.room.member', bob.userId, {
      membership: 'join',
      displayname: 'the secret name',
    })
    const ids = [topic, message, name]
    expect(holding(await everything(alice, roomId, since, ids), 'the secret')).not.toEqual([])
    for (const id of ids) await alice.redact(roomId, id)
    expect(holding(await everything(alice, roomId, since, ids), 'the secret')).toEqual([])
    expect(holding(await everything(bob, roomId, since, ids), 'the secret')).toEqual([])
  })

  it('nor the reason of a redaction that was redacted itself', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const message = await alice.sendText(roomId, 'first')
    const redaction = await alice.redact(roomId, message, 'the secret reason')
    const ids = [message, redaction]
    expect(holding(await everything(bob, roomId, since, ids), 'the secret')).not.toEqual([])
    await alice.redact(roomId, redaction)
    expect(holding(await everything(bob, roomId, since, ids), 'the secret')).toEqual([])
  })
})

describe('what was redacted leaves the database file', () => {
  it('large or small, once the server has stopped, not only the rows of it', async () => {
    await using other = await startHomeserver()
    const carol = await other.register('carol')
    const roomId = await carol.createRoom()
    const secrets = ['a-small-secret', 'a-large-secret']
    const padding = 'x'.repeat(30_000)
    for (const secret of secrets) {
      const text = secret === 'a-large-secret' ? `${secret}${padding}${secret}` : secret
      await carol.redact(roomId, await carol.sendText(roomId, text))
    }
    await carol.sendText(roomId, 'what stays')
    await other.restart()
    const bytes = readFileSync(join(other.dataFolder, 'homeroom.sqlite'))
    expect(bytes.includes('what stays')).toBe(true)
    expect(secrets.filter((secret) => bytes.includes(secret))).toEqual([])
  })
})
