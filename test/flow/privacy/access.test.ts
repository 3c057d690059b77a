import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver({ settings: { registration: { guests: true } } })
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const passwordOf = (client: TestClient, session: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: client.userId },
  password: PASSWORD,
  session,
})

describe('a private room', () => {
  it('looks to strangers like one that does not exist, whatever they ask of it', async () => {
    const roomId = await alice.createRoom({ room_version: '10', room_alias_name: 'private' })
    const eventId = await alice.sendText(roomId, 'text')
    const nowhere = '!nowhere:localhost'
    const asks = [
      ['GET', '/state'],
      ['GET', '/state/m.room.topic'],
      ['GET', '/members'],
      ['GET', '/joined_members'],
      ['GET', '/aliases'],
      ['GET', '/messages?dir=b'],
      ['GET', '/initialSync'],
      ['GET', `/event/${enc(eventId)}`],
      ['GET', `/context/${enc(eventId)}`],
      ['PUT', '/send/m.room.message/1', {}],
      ['PUT', '/state/m.room.topic', { topic: '' }],
      ['PUT', `/redact/${enc(eventId)}/1`, {}],
      ['PUT', `/typing/${enc(bob.userId)}`, { typing: true }],
      ['POST', `/receipt/m.read/${enc(eventId)}`, {}],
      ['POST', '/read_markers', { 'm.read': eventId }],
      ['POST', '/invite', { user_id: bob.userId }],
      ['POST', '/kick', { user_id: alice.userId }],
      ['POST', '/ban', { user_id: alice.userId }],
      ['POST', '/unban', { user_id: alice.userId }],
      ['POST', '/forget', {}],
    ] as const
    for (const [method, path, body] of asks) {
      const ask = (room: string) => bob.request(method, `/v3/rooms/${enc(room)}${path}`, { body })
      const [there, notThere] = [await ask(roomId), await ask(nowhere)]
      expect(there.status, `${method} ${path}`).toBeGreaterThanOrEqual(400)
      expect([path, there.status, there.body.errcode]).toEqual([path, notThere.status, notThere.body.errcode])
    }
    for (const path of ['kick', 'unban']) {
      // Alice is in the room, carol is nowhere: neither is told apart.
      const errors = [alice.userId, '@carol:localhost'].map(async (user_id) => {
        const { body } = await bob.request('POST', `/v3/rooms/${enc(roomId)}/${path}`, { body: { user_id } })
        return body.error
      })
      const [there, notThere] = await Promise.all(errors)
      expect(there).toBe(notThere)
    }
    const listed = await bob.get('/v3/publicRooms')
    expect(JSON.stringify(listed)).not.toContain(roomId)
    expect((await bob.request('PUT', `/v3/directory/list/room/${enc(roomId)}`, { body: {} })).status).toBe(403)
    const alias = `/v3/directory/room/${enc('#private:localhost')}`
    expect((await bob.request('DELETE', alias)).status).toBe(403)
    expect((await bob.request('PUT', alias.replace('private', 'other'), { body: { room_id: roomId } })).status).toBe(
      403,
    )
  })

  it('is not for guests, who learn nothing of it', async () => {
    const roomId = await alice.createRoom()
    const guest = homeserver.client()
    const { access_token } = await guest.post('/v3/register?kind=guest')
    guest.accessToken = access_token
    for (const path of ['/state', '/members', '/messages?dir=b', '/initialSync'])
      expect((await guest.request('GET', `/v3/rooms/${enc(roomId)}${path}`)).status, path).toBe(403)
    expect((await guest.request('POST', `/v3/rooms/${enc(roomId)}/join`, { body: {} })).status).toBe(403)
  })
})

describe('what belongs to one user', () => {
  it('is neither read nor written by another', async () => {
    const { filter_id: filterId } = await alice.post(`/v3/user/${enc(alice.userId)}/filter`, {
      room: { rooms: ['!secret:localhost'] },
    })
    await alice.put(`/v3/user/${enc(alice.userId)}/account_data/org.example`, { secret: 1 })
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const own = `/v3/user/${enc(alice.userId)}`
    const asks = [
      ['GET', `${own}/filter/${filterId}`],
      ['POST', `${own}/filter`, {}],
      ['GET', `${own}/account_data/org.example`],
      ['PUT', `${own}/account_data/org.example`, {}],
      ['GET', `${own}/rooms/${enc(roomId)}/account_data/org.example`],
      ['GET', `${own}/rooms/${enc(roomId)}/tags`],
      ['PUT', `${own}/rooms/${enc(roomId)}/tags/u.mine`, {}],
      ['PUT', `/v3/profile/${enc(alice.userId)}/displayname`, { displayname: 'x' }],
      ['PUT', `/v3/presence/${enc(alice.userId)}/status`, { presence: 'offline' }],
      ['PUT', `/v3/rooms/${enc(roomId)}/typing/${enc(alice.userId)}`, { typing: true }],
    ] as const
    for (const [method, path, body] of asks)
      expect((await bob.request(method, path, { body })).status, `${method} ${path}`).toBe(403)
    expect((await bob.request('GET', `/v3/sync?filter=${filterId}`)).status).toBe(400)
    expect((await bob.request('GET', `/v3/devices/${alice.deviceId}`)).status).toBe(404)
  })

  it('is the transaction id, which two devices may use for different things', async () => {
    const other = await alice.loginAgain()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const send = (client: TestClient, body: string) => client.send(roomId, 'm.room.message', { body }, 'same')
    const ids = [await send(alice, 'one'), await send(other, 'two'), await send(bob, 'three')]
    expect(new Set(ids).size).toBe(3)
    const seen = await bob.messages(roomId, { dir: 'b', limit: 3 })
    const shown = seen.chunk.map(({ unsigned }: { unsigned: object }) => 'transaction_id' in unsigned)
    expect(shown).toEqual([true, false, false])
  })
})

describe('a session of authentication', () => {
  it('opens nothing for another user, endpoint or device', async () => {
    const first = await alice.loginAgain()
    const second = await alice.loginAgain()
    const begun = await alice.request('DELETE', `/v3/devices/${first.deviceId}`, { body: {} })
    expect(begun.status).toBe(401)
    const auth = passwordOf(alice, begun.body.session)
    const attempts = [
      [alice, 'DELETE', `/v3/devices/${second.deviceId}`, {}],
      [alice, 'POST', '/v3/delete_devices', { devices: [second.deviceId] }],
      [alice, 'POST', '/v3/account/deactivate', {}],
      [alice, 'POST', '/v3/account/password', { new_password: 'another password' }],
      [bob, 'DELETE', `/v3/devices/${first.deviceId}`, {}],
    ] as const
    for (const [client, method, path, body] of attempts)
      expect((await client.request(method, path, { body: { ...body, auth } })).status, path).toBe(403)
    for (const client of [first, second]) expect((await client.request('GET', '/v3/account/whoami')).status).toBe(200)
    const stranger = await bob.request('DELETE', `/v3/devices/${bob.deviceId}`, { body: {} })
    const foreign = { body: { auth: passwordOf(alice, stranger.body.session) } }
    expect((await bob.request('DELETE', `/v3/devices/${bob.deviceId}`, foreign)).status).toBe(403)
    expect((await bob.request('GET', '/v3/account/whoami')).status).toBe(200)
  })

  it('does what its first request asked for, not what a later one does', async () => {
    const first = await alice.loginAgain()
    const second = await alice.loginAgain()
    const begun = await alice.request('POST', '/v3/delete_devices', { body: { devices: [first.deviceId] } })
    const auth = passwordOf(alice, begun.body.session)
    await alice.ok('POST', '/v3/delete_devices', { body: { devices: [second.deviceId], auth } })
    expect((await first.request('GET', '/v3/account/whoami')).status).toBe(401)
    expect((await second.request('GET', '/v3/account/whoami')).status).toBe(200)
  })
})
