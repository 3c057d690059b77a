import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '#base'
import { onPostgres } from '../../contract/databases.ts'
import type { Json, TestClient } from '../../support/client.ts'
import { type DatabaseKind, type Place, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { comparable, type Known, list } from './known.ts'

const FOLDER = join(import.meta.dirname, 'databases')
const enc = encodeURIComponent
/** Nothing that a client keeps may end by age alone, but its transaction ids; so the test holds as long as the fixture. */
const AGE_MS = 2 * 366 * 86_400_000

const inherit =
  (fixture: string, kind: DatabaseKind) =>
  async ({ dataFolder, databaseUrl }: Place): Promise<void> => {
    cpSync(join(fixture, 'files'), dataFolder, { recursive: true })
    if (kind === 'sqlite') {
      const file = gunzipSync(readFileSync(join(fixture, 'homeroom.sqlite.gz')))
      writeFileSync(join(dataFolder, 'homeroom.sqlite'), file, { mode: 0o600 })
      return
    }
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    try {
      await client.query(readFileSync(join(fixture, 'homeroom.sql'), 'utf8'))
    } finally {
      await client.end()
    }
  }

const suite = (name: string, kind: DatabaseKind) => (): void => {
  const fixture = join(FOLDER, name, kind)
  const known: Known = JSON.parse(readFileSync(join(fixture, 'known.json'), 'utf8'))
  const room = (of: string): string => known.rooms[of] ?? ''
  const clock = new SteppedClock()
  clock.advance(AGE_MS)
  let homeserver: TestHomeserver
  const clientOf = (who: string): TestClient => Object.assign(homeserver.client(), known.clients[who])
  beforeAll(async () => {
    homeserver = await startHomeserver({ database: kind, inherit: inherit(fixture, kind), clock })
  })
  afterAll(() => homeserver.stop())

  it('knows its clients by their access tokens and passwords, and nobody who logged out', async () => {
    for (const [who, { userId, deviceId, refreshToken }] of Object.entries(known.clients)) {
      // An access token that can be refreshed has ended long ago.
      if (refreshToken !== undefined) continue
      expect(await clientOf(who).get('/v3/account/whoami')).toMatchObject({ user_id: userId, device_id: deviceId })
    }
    const again = homeserver.client()
    await again.login('carol')
    const { devices } = await again.get('/v3/devices')
    expect(devices.map(({ device_id }: Json) => device_id)).toContain(known.clients.carol?.deviceId)
    expect(devices).toHaveLength(2)
  })

  it('takes the refresh token of a client that slept', async () => {
    const client = clientOf('refreshing')
    const body = { refresh_token: client.refreshToken }
    const fresh = await client.ok('POST', '/v3/refresh', { body, token: null })
    client.accessToken = fresh.access_token
    expect(await client.get('/v3/account/whoami')).toMatchObject({ device_id: client.deviceId })
  })

  it('answers as before, from state and history to what is personal', async () => {
    expect(known.answers.length).toBeGreaterThan(15)
    for (const { client, path, body } of known.answers) {
      const now = comparable(await clientOf(client).get(path))
      expect(now, path).toMatchObject(body)
    }
  })

  it('goes on from each token as before', async () => {
    expect(known.pages.length).toBeGreaterThan(10)
    for (const { client, path, listing, ids } of known.pages) {
      const found = await list(clientOf(client), path, listing)
      // Members have no order.
      if (path.includes('/members?')) expect(found.toSorted(), path).toEqual(ids.toSorted())
      else expect(found, path).toEqual(ids)
    }
  })

  it('tells of the profiles of then, also to a client that goes on from a token of then', async () => {
    const alice = clientOf('alice')
    const filter = JSON.stringify({ 'org.matrix.msc4429.profile_fields': { ids: ['displayname'] } })
    const tokenOf = ({ path }: { readonly path: string }) => new URL(path, 'http://localhost').searchParams.get('since')
    const since =
      known.pages
        .filter(({ client }) => client === 'alice')
        .map(tokenOf)
        .find(Boolean) ?? undefined
    expect(since).toBeTypeOf('string')
    const first = (await alice.sync({ filter }))['org.matrix.msc4429.users']
    expect(Object.keys(first).length).toBeGreaterThan(1)
    for (const [userId, { profile_updates: told }] of Object.entries<Json>(first))
      expect(told, userId).toEqual(await alice.get(`/v3/profile/${enc(userId)}/displayname`))
    expect((await alice.sync({ filter, since }))['org.matrix.msc4429.users']).toMatchObject(first)
  })

  it('has what was redacted nowhere, and serves what was uploaded', async () => {
    for (const name of ['first', 'tenth', 'newest']) {
      const event = await clientOf('alice').getEvent(room(name), room(`redacted in ${name}`))
      expect(event.content).toEqual({})
      expect(event.unsigned.redacted_because.content.reason).toBe('it was wrong')
    }
    const media = room('media').replace('mxc://', '/_matrix/client/v1/media/download/')
    expect((await clientOf('alice').request('GET', media)).body).toBe('a note in a fixture')
  })

  it('finds what was said then, and who said it', async () => {
    const alice = clientOf('alice')
    const wish = { search_categories: { room_events: { search_term: 'unread by bob', keys: ['content.body'] } } }
    const found = async (): Promise<Json> => (await alice.post('/v3/search', wish)).search_categories.room_events
    await expect.poll(async () => (await found()).count).toBeGreaterThan(1)
    for (const { result } of (await found()).results) expect(result.content.body).toBe('unread by bob')
    const people = async (): Promise<Json> =>
      (await alice.post('/v3/user_directory/search', { search_term: 'bob' })).results
    await expect.poll(async () => (await people()).length).toBe(1)
    expect((await people())[0].user_id).toBe(known.clients.bob?.userId)
  })

  it('answers a transaction of then with the event of then while it is remembered, and two years later with a new one', async () => {
    const { path, body, eventId } = known.transaction
    const roomId = decodeURIComponent(/rooms\/([^/]*)/.exec(path)?.[1] ?? '')
    const sentAtMs = (await clientOf('alice').getEvent(roomId, eventId)).origin_server_ts
    const behindMs = Date.now() - sentAtMs - 3_600_000
    const { monotonicMs, after, soon } = systemClock
    const then: Clock = { monotonicMs, after, soon, nowMs: () => systemClock.nowMs() - behindMs }
    await using early = await startHomeserver({ database: kind, inherit: inherit(fixture, kind), clock: then })
    const alice = Object.assign(early.client(), known.clients.alice)
    expect(await alice.put(path, body)).toEqual({ event_id: eventId })
    await expect.poll(async () => (await clientOf('alice').put(path, body)).event_id).not.toBe(eventId)
  })

  it('takes invites, bans and power from its rooms, which go on from their last event', async () => {
    const [alice, bob, carol] = [clientOf('alice'), await bobAgain(), clientOf('carol')]
    expect(await carol.join(room('invited'))).toBe(room('invited'))
    for (const name of ['first', 'tenth', 'newest']) {
      const roomId = room(name)
      await expect(carol.join(roomId)).rejects.toMatchObject({ status: 403 })
      await expect(bob.setState(roomId, 'm.room.topic', '', { topic: 'mine' })).rejects.toMatchObject({ status: 403 })
      const { next_batch } = await alice.sync()
      const sent = await bob.sendText(roomId, 'after the upgrade')
      const { prev_batch, events } = (await alice.sync({ since: next_batch })).rooms.join[roomId].timeline
      expect(events.map(({ event_id }: Json) => event_id)).toEqual([sent])
      const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 1, from: prev_batch })
      expect(chunk[0].content.body).toBe(name === 'tenth' ? 'sent once' : 'unread by bob')
      await alice.setState(roomId, 'org.example.counter', 'a', { n: 4 })
      const [replaced] = (await alice.messages(roomId, { dir: 'b', limit: 1 })).chunk
      expect(replaced.unsigned.prev_content).toEqual({ n: 3 })
    }
  })

  const bobAgain = async (): Promise<TestClient> => {
    const bob = clientOf('bob')
    await bob.login('bob')
    return bob
  }

  it('makes new accounts and rooms beside the old, and keeps all over a restart', async () => {
    const dave = await homeserver.register('dave')
    const roomId = await dave.createRoom({ invite: [known.clients.alice?.userId ?? ''] })
    const alice = clientOf('alice')
    await alice.join(roomId)
    await alice.join(room('left'))
    await homeserver.restart()
    const { joined_rooms } = await alice.get('/v3/joined_rooms')
    for (const one of [roomId, room('left'), room('first')]) expect(joined_rooms).toContain(one)
    const created = await alice.get(`/v3/rooms/${enc(roomId)}/state/m.room.create/`)
    expect(created).toHaveProperty('room_version')
  })
}

describe.each(readdirSync(FOLDER))('a database of %s', (name) => {
  describe('on SQLite', suite(name, 'sqlite'))
  onPostgres('the other', suite(name, 'postgres'))
})
