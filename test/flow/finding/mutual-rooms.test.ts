import { createClient } from 'matrix-js-sdk'
import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

onEveryHomeserver('mutual_rooms', (start) => {
  const shared = shareHomeserver(start)
  const mutual = (client: TestClient, query: Record<string, string>) =>
    client.request('GET', '/v1/mutual_rooms', { query })

  it('lists the rooms that both are joined to, and no others', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const both = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(both)
    const left = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(left)
    await bob.leave(left)
    await alice.createRoom({ invite: [bob.userId] })
    await bob.createRoom({ preset: 'public_chat' })
    for (const [one, other] of [
      [alice, bob],
      [bob, alice],
    ] as const)
      expect((await mutual(one, { user_id: other.userId })).body).toEqual({ joined: [both], count: 1 })
    await bob.leave(both)
    expect((await mutual(alice, { user_id: bob.userId })).body).toEqual({ joined: [], count: 0 })
  })

  it('comes in pages, each room once, with the count of all', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const rooms: string[] = []
    for (let room = 0; room < 103; room += 1) {
      rooms.push(await alice.createRoom({ preset: 'public_chat' }))
      await bob.join(rooms[room] ?? '')
    }
    const first: Json = (await mutual(alice, { user_id: bob.userId })).body
    expect([first.joined.length, first.count]).toEqual([100, 103])
    const second: Json = (await mutual(alice, { user_id: bob.userId, from: first.next_batch })).body
    expect(second).toEqual({ joined: expect.anything(), count: 103 })
    expect(([...first.joined, ...second.joined] as string[]).toSorted()).toEqual(rooms.toSorted())
  })

  it('comes in pages under the unstable name too, as matrix-js-sdk asks where v1.19 is not named', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const rooms: string[] = []
    for (let room = 0; room < 103; room += 1) {
      rooms.push(await alice.createRoom({ preset: 'public_chat' }))
      await bob.join(rooms[room] ?? '')
    }
    const sdk = createClient({ baseUrl: homeserver.url, userId: alice.userId, accessToken: alice.accessToken ?? '' })
    expect((await sdk._unstable_getSharedRooms(bob.userId)).toSorted()).toEqual(rooms.toSorted())
    const path = '/unstable/uk.half-shot.msc2666/user/mutual_rooms'
    const wrong = await alice.request('GET', path, { query: { user_id: bob.userId, batch_token: 'here' } })
    expect(wrong).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  it('answers an unknown user with nothing, and refuses oneself, what is no user id and what is no token', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    for (const user of [`@nobody:${homeserver.serverName}`, '@somebody:elsewhere.example'])
      expect((await mutual(alice, { user_id: user })).body).toEqual({ joined: [], count: 0 })
    for (const query of [
      { user_id: alice.userId },
      { user_id: 'nobody' },
      { user_id: '@nobody:elsewhere.example', from: 'here' },
      { user_id: '@nobody:elsewhere.example', from: 'm-1' },
    ])
      expect(await mutual(alice, query)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    expect((await mutual(alice, {})).status).toBe(400)
    expect((await mutual(homeserver.client(), { user_id: alice.userId })).status).toBe(401)
  })
})

onEveryHomeserver('lookups in other networks', (start) => {
  const shared = shareHomeserver(start)

  it('find none, as none is connected', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    expect(await alice.get('/v3/thirdparty/protocols')).toEqual({})
    for (const path of ['protocol/irc', 'location/irc', 'user/irc', 'location?alias=%23a%3Ab', 'user?userid=%40a%3Ab'])
      expect(await alice.request('GET', `/v3/thirdparty/${path}`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
    for (const path of ['location', 'user'])
      expect((await alice.request('GET', `/v3/thirdparty/${path}`)).status).toBe(400)
    expect((await homeserver.client().request('GET', '/v3/thirdparty/protocols')).status).toBe(401)
  })
})
