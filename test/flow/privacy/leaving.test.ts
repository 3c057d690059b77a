import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let carol: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  carol = await homeserver.register('carol')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const SECRET = 'the secret'
const filter = (room: Json): string => JSON.stringify({ room })
const withVisibility = (history_visibility: string) => ({
  preset: 'public_chat',
  initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility } }],
})

/** What somebody who is not in the room any more may ask for, as one text a path. */
const reads = async (client: TestClient, roomId: string, tokens: readonly string[]): Promise<string[]> => {
  const room = `/rooms/${enc(roomId)}`
  const old = '/_matrix/client/api/v1'
  const leave = { include_leave: true }
  const paths = [
    `/v3${room}/state`,
    `/v3${room}/state/m.room.topic`,
    `/v3${room}/members`,
    `/v3${room}/joined_members`,
    `/v3${room}/aliases`,
    `/v3${room}/messages?dir=b&limit=100`,
    `/v3${room}/messages?dir=f&limit=100`,
    `${old}${room}/state`,
    `${old}${room}/initialSync?limit=100`,
    `${old}/initialSync?limit=100&archived=true`,
    ...[leave, { ...leave, timeline: { limit: 1 } }, { ...leave, timeline: { limit: 0 } }].map(
      (asked) => `/v3/sync?filter=${enc(filter(asked))}`,
    ),
    ...tokens.flatMap((token) => [
      `/v3/sync?since=${token}`,
      `/v3/sync?since=${token}&full_state=true`,
      `/v3/sync?since=${token}&filter=${enc(filter({ ...leave, timeline: { limit: 1 } }))}`,
      `/v3/sync?since=${token}&filter=${enc(filter({ timeline: { limit: 1 }, state: { lazy_load_members: true } }))}`,
      `/v3${room}/messages?dir=b&limit=100&from=${token}`,
      `/v3${room}/messages?dir=f&limit=100&from=${token}`,
      `/v3${room}/members?at=${token}`,
      `/v3/events?from=${token}&timeout=0`,
    ]),
  ]
  const texts: string[] = []
  for (const path of paths) {
    const { status, body } = await client.request('GET', path)
    expect([200, 403, 404], `${path} ${JSON.stringify(body)}`).toContain(status)
    texts.push(`${path} ${JSON.stringify(body)}`)
  }
  return texts
}

const leaks = async (client: TestClient, roomId: string, tokens: readonly string[]): Promise<string[]> =>
  (await reads(client, roomId, tokens))
    .filter((text) => text.includes(SECRET) || text.includes(carol.userId))
    .map((text) => text.slice(0, text.indexOf(' ')))

describe('after the end of a stay', () => {
  it.each(['shared', 'invited', 'joined'])('nothing that comes is seen: %s', async (visibility) => {
    const roomId = await alice.createRoom(withVisibility(visibility))
    await bob.join(roomId)
    const { next_batch: before } = await bob.sync()
    await alice.kick(roomId, bob.userId)
    const { next_batch: kicked } = await bob.sync()
    await alice.setState(roomId, 'm.room.topic', '', { topic: SECRET })
    await alice.sendText(roomId, SECRET)
    await carol.join(roomId)
    await carol.typing(roomId, 30_000)
    await alice.ban(roomId, bob.userId)
    await alice.setState(roomId, 'm.room.name', '', { name: SECRET })
    const { next_batch: now } = await alice.sync()
    expect(await leaks(bob, roomId, [before, kicked, now])).toEqual([])
    await alice.unban(roomId, bob.userId)
    expect(await leaks(bob, roomId, [before, kicked, now])).toEqual([])
    expect(await bob.get(`/v3/rooms/${enc(roomId)}/state`)).not.toEqual([])
  })

  it.each(['shared', 'joined'])('an invite that was refused shows no more of it: %s', async (visibility) => {
    const roomId = await alice.createRoom(withVisibility(visibility))
    await bob.join(roomId)
    const { next_batch: before } = await bob.sync()
    await bob.leave(roomId)
    await alice.setState(roomId, 'm.room.server_acl', '', { allow: ['*'], note: SECRET })
    await carol.join(roomId)
    await alice.sendText(roomId, SECRET)
    await alice.invite(roomId, bob.userId)
    const { next_batch: invited } = await bob.sync()
    expect(await leaks(bob, roomId, [before, invited])).toEqual([])
    await bob.leave(roomId)
    expect(await leaks(bob, roomId, [before, invited])).toEqual([])
  })

  it('nothing is read of a room that was forgotten, by tokens of its time either', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', topic: SECRET })
    const { next_batch: outside } = await bob.sync()
    await bob.join(roomId)
    const { next_batch: inside } = await bob.sync()
    await bob.leave(roomId)
    await bob.post(`/v3/rooms/${enc(roomId)}/forget`)
    expect(await leaks(bob, roomId, [outside, inside])).toEqual([])
  })

  it('who comes back sees nothing of the time between where history is for members only', async () => {
    const roomId = await alice.createRoom(withVisibility('joined'))
    await bob.join(roomId)
    const { next_batch: before } = await bob.sync()
    await alice.ban(roomId, bob.userId)
    const { next_batch: banned } = await bob.sync()
    const message = await alice.sendText(roomId, SECRET)
    const ban = await bob.get('/v3/sync', { since: before })
    await carol.join(roomId)
    const { next_batch: between } = await alice.sync()
    await carol.leave(roomId)
    await alice.setState(roomId, 'm.room.member', carol.userId, { membership: 'ban' }).catch(() => undefined)
    await alice.unban(roomId, bob.userId)
    await bob.join(roomId)
    const ownBan = ban.rooms.leave[roomId].timeline.events.at(-1).event_id
    for (const path of [
      ...[before, banned, between].map((token) => `/v3/sync?since=${token}`),
      `/v3/rooms/${enc(roomId)}/messages?dir=b&limit=100`,
    ]) {
      expect(JSON.stringify(await bob.get(path)), path).not.toContain(SECRET)
    }
    expect((await bob.request('GET', `/v3/rooms/${enc(roomId)}/event/${message}`)).status).toBe(404)
    expect((await bob.request('GET', `/v3/rooms/${enc(roomId)}/members?at=${between}`)).status).toBe(403)
    const context = await bob.get(`/v3/rooms/${enc(roomId)}/context/${ownBan}`)
    expect(JSON.stringify(context)).not.toContain(SECRET)
  })

  it('a state as it was before one could see anything is not shown', async () => {
    const roomId = await alice.createRoom(withVisibility('joined'))
    await carol.join(roomId)
    const { next_batch: early } = await alice.sync()
    await carol.leave(roomId)
    await alice.sendText(roomId, 'between')
    await bob.join(roomId)
    const { next_batch: now } = await bob.sync()
    expect((await bob.request('GET', `/v3/rooms/${enc(roomId)}/members?at=${early}`)).status).toBe(403)
    expect((await bob.request('GET', `/v3/rooms/${enc(roomId)}/members?at=${now}`)).status).toBe(200)
    expect((await alice.request('GET', `/v3/rooms/${enc(roomId)}/members?at=${early}`)).status).toBe(200)
  })
})

describe('a long poll that waits while its user is removed', () => {
  it.each(['kick', 'ban'] as const)('brings the %s and nothing sent after it', async (removal) => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const poll = bob.nextSync(since)
    const removed = alice[removal](roomId, bob.userId)
    const sent = alice.sendText(roomId, SECRET)
    await Promise.all([removed, sent])
    let answer = await poll
    if (answer.rooms.leave[roomId] === undefined) answer = await bob.nextSync(answer.next_batch)
    const events = answer.rooms.leave[roomId].timeline.events
    expect(events.at(-1)).toMatchObject({ type: 'm.room.member', state_key: bob.userId })
    await alice.sendText(roomId, SECRET)
    expect((await bob.sync({ since: answer.next_batch })).rooms).toEqual({ join: {}, invite: {}, knock: {}, leave: {} })
  })
})

describe('presence', () => {
  it('of who came and went while one was away is that of a stranger', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const dora = await homeserver.register('dora')
    await dora.put(`/v3/presence/${enc(dora.userId)}/status`, { presence: 'online', status_msg: SECRET })
    await dora.join(roomId)
    await dora.leave(roomId)
    const answer = await bob.sync({ since })
    expect(JSON.stringify(answer.presence)).not.toContain(dora.userId)
    expect((await bob.request('GET', `/v3/presence/${enc(dora.userId)}/status`)).status).toBe(403)
  })
})
