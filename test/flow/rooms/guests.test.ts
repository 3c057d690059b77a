import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let guest: TestClient
let roomId: string
let base: string

const registerGuest = async (): Promise<TestClient> => {
  const client = new TestClient(() => homeserver.url)
  const { body } = await client.request('POST', '/v3/register', { query: { kind: 'guest' }, body: {}, token: null })
  client.userId = body.user_id
  client.accessToken = body.access_token
  return client
}

beforeAll(async () => {
  homeserver = await startHomeserver({ settings: { registration: { guests: true } } })
  alice = await homeserver.register('alice')
})
beforeEach(async () => {
  guest = await registerGuest()
  roomId = await alice.createRoom({ preset: 'public_chat' })
  base = `/v3/rooms/${encodeURIComponent(roomId)}`
})
afterAll(() => homeserver.stop())

const allow = (access: string) => alice.setState(roomId, 'm.room.guest_access', '', { guest_access: access })
const errorOf = async (method: string, path: string, body: unknown = {}) => {
  const answer = await guest.request(method, path, method === 'GET' ? {} : { body })
  return [answer.status, answer.body.errcode]
}

describe('guests', () => {
  it('join where guests may, and there only', async () => {
    const refused = [403, 'M_GUEST_ACCESS_FORBIDDEN']
    expect(await errorOf('POST', `${base}/join`)).toEqual(refused)
    await allow('forbidden')
    expect(await errorOf('POST', `${base}/join`)).toEqual(refused)
    const path = `${base}/state/m.room.member/${encodeURIComponent(guest.userId)}`
    expect(await errorOf('PUT', path, { membership: 'join' })).toEqual(refused)
    await allow('can_join')
    expect(await guest.join(roomId)).toBe(roomId)
    expect((await guest.sync()).rooms.join).toHaveProperty([roomId])
  })

  it('send events of any type, read, and leave', async () => {
    await allow('can_join')
    await guest.join(roomId)
    const eventId = await guest.send(roomId, 'm.anything', { body: 'sup' })
    expect((await alice.getEvent(roomId, eventId)).sender).toBe(guest.userId)
    for (const path of [
      'state',
      'members',
      'messages?dir=b',
      `event/${eventId}`,
      `context/${eventId}`,
      'state/m.room.create',
    ])
      expect((await guest.request('GET', `${base}/${path}`)).status).toBe(200)
    await guest.leave(roomId)
    expect((await alice.getState(roomId, 'm.room.member', guest.userId)).membership).toBe('leave')
  })

  it('look into world readable rooms without joining, and send nothing there', async () => {
    await allow('can_join')
    expect((await guest.request('GET', `${base}/state`)).status).toBe(403)
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'world_readable' })
    const eventId = await alice.sendText(roomId, 'open')
    expect((await guest.messages(roomId, { dir: 'b', limit: 1 })).chunk[0].event_id).toBe(eventId)
    expect((await guest.getEvent(roomId, eventId)).content.body).toBe('open')
    expect((await guest.request('GET', `${base}/context/${eventId}`)).status).toBe(200)
    expect((await guest.get(`${base}/state`)).length).toBeGreaterThan(4)
    expect(await errorOf('PUT', `${base}/send/m.room.message/1`)).toEqual([403, 'M_FORBIDDEN'])
  })

  it('have to go when guests may not be there any more', async () => {
    const other = await registerGuest()
    await allow('can_join')
    await guest.join(roomId)
    await alice.invite(roomId, other.userId)
    await allow('forbidden')
    for (const gone of [guest, other])
      expect((await alice.getState(roomId, 'm.room.member', gone.userId)).membership).toBe('leave')
    expect((await alice.getState(roomId, 'm.room.member', alice.userId)).membership).toBe('join')
  })

  it.each([
    ['POST', '/v3/createRoom'],
    ['POST', '/v3/publicRooms'],
    ['POST', '/v3/knock/!a:localhost'],
    ['GET', '/v3/joined_rooms'],
    ['PUT', '/v3/directory/room/%23a:localhost'],
    ['DELETE', '/v3/directory/room/%23a:localhost'],
    ['PUT', '/v3/directory/list/room/!a:localhost'],
    ['PUT', '/v3/rooms/!a:localhost/redact/$a/1'],
    ['POST', '/v3/rooms/!a:localhost/invite'],
    ['POST', '/v3/rooms/!a:localhost/kick'],
    ['POST', '/v3/rooms/!a:localhost/ban'],
    ['POST', '/v3/rooms/!a:localhost/unban'],
    ['POST', '/v3/rooms/!a:localhost/forget'],
    ['GET', '/v3/rooms/!a:localhost/aliases'],
    ['GET', '/v3/rooms/!a:localhost/joined_members'],
  ])('may not %s %s', async (method, path) => {
    expect(await errorOf(method, path)).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
  })

  it('may not do by way of state what they may not do by its own path', async () => {
    await allow('can_join')
    await guest.join(roomId)
    const path = (userId: string) => `${base}/state/m.room.member/${encodeURIComponent(userId)}`
    expect(await errorOf('PUT', path(alice.userId), { membership: 'invite' })).toEqual([
      403,
      'M_GUEST_ACCESS_FORBIDDEN',
    ])
    expect(await errorOf('PUT', path(guest.userId), { membership: 'knock' })).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
    expect(await errorOf('PUT', path(guest.userId), { membership: 'leave' })).toEqual([200, undefined])
  })
})
