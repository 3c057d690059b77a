import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { Administrator } from './fixture.ts'

const EVENT_ID = /^\$[A-Za-z0-9_-]{43}$/

onEveryHomeserver('a shadow-banned account', (start) => {
  const shared = shareHomeserver(start)

  /** Bob is banned in a room where he could do everything, and Alice watches. */
  const scene = async (name: string) => {
    const server = await shared()
    const admin = await Administrator.of(server, `${name}-admin`)
    const [alice, bob] = [await server.register(`${name}-alice`), await server.register(`${name}-bob`)]
    const carol = await server.register(`${name}-carol`)
    const roomId = await bob.createRoom({ invite: [alice.userId], preset: 'public_chat' })
    await alice.join(roomId)
    await carol.join(roomId)
    expect(await admin.post(`/v1/users/${bob.userId}/shadow_ban`)).toEqual({})
    return { server, admin, alice, bob, carol, roomId }
  }

  /** The ids of all events of the room, redacted or not, and of its state. */
  const everything = async (alice: TestClient, roomId: string) => {
    const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 100 })
    const state = await alice.get(`/v3/rooms/${roomId}/state`)
    return [...chunk, ...state].map(({ event_id: id, content }: Json) => [id, content])
  }

  it('gets the answers that it would get, and nothing of it reaches anybody', async () => {
    const { server, alice, bob, carol, roomId } = await scene('all')
    const eventId = await alice.sendText(roomId, 'to be redacted')
    const before = await everything(alice, roomId)
    const { next_batch: since } = await carol.sync()
    const aliceSince = (await alice.sync()).next_batch
    expect(await bob.sendText(roomId, 'hello')).toMatch(EVENT_ID)
    const repeated = () => bob.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'x' }, 'same')
    expect(await repeated()).toBe(await repeated())
    expect(await bob.setState(roomId, 'm.room.name', '', { name: 'Bad' })).toMatch(EVENT_ID)
    expect(await bob.redact(roomId, eventId)).toMatch(EVENT_ID)
    expect(await bob.kick(roomId, carol.userId)).toEqual({})
    expect(await bob.ban(roomId, carol.userId)).toEqual({})
    expect(await bob.unban(roomId, carol.userId)).toEqual({})
    const dora = await server.register('all-dora')
    expect(await bob.invite(roomId, dora.userId)).toEqual({})
    expect(await bob.typing(roomId, 30_000)).toEqual({})
    expect((await bob.post(`/v3/rooms/${roomId}/upgrade`, { new_version: '11' })).replacement_room).toMatch(/^!/)
    expect(await bob.put(`/v3/directory/list/room/${roomId}`, { visibility: 'public' })).toEqual({})
    expect((await bob.post(`/v3/rooms/${roomId}/send/m.room.message`, { body: 'a' })).event_id).toMatch(EVENT_ID)

    expect(await everything(alice, roomId)).toEqual(before)
    expect((await alice.get(`/v3/directory/list/room/${roomId}`)).visibility).toBe('private')
    // Alice's next words are the first thing that anybody hears, and nobody was told that Bob types.
    await alice.sendText(roomId, 'only this')
    const { rooms } = await carol.nextSync(since)
    expect(rooms.join[roomId].timeline.events.map(({ content }: { content: unknown }) => content)).toEqual([
      { msgtype: 'm.text', body: 'only this' },
    ])
    expect(rooms.join[roomId].ephemeral?.events ?? []).toEqual([])
    expect((await alice.sync({ since: aliceSince })).rooms.join[roomId].state?.events ?? []).toEqual([])
    expect((await dora.sync()).rooms?.invite ?? {}).toEqual({})
  })

  it('has the rooms that it makes for itself, and its name stays out of rooms', async () => {
    const { alice, bob, roomId } = await scene('own')
    const own = await bob.createRoom({ invite: [alice.userId], visibility: 'public' })
    const synced = await alice.sync()
    expect(synced.rooms.invite ?? {}).toEqual({})
    expect((await bob.get(`/v3/directory/list/room/${own}`)).visibility).toBe('private')
    await bob.put(`/v3/profile/${bob.userId}/displayname`, { displayname: 'Evil Bob' })
    expect((await bob.get(`/v3/profile/${bob.userId}`)).displayname).toBe('Evil Bob')
    await alice.put(`/v3/profile/${alice.userId}/displayname`, { displayname: 'Alice' })
    // Profiles go into rooms one after the other: hers came after his would have.
    await alice.ownMember(roomId, ({ displayname }) => displayname === 'Alice')
    expect((await alice.getState(roomId, 'm.room.member', bob.userId)).displayname).toBe('own-bob')
  })

  it('sends no event that waits, and is told that it was sent', async () => {
    const { alice, bob, roomId } = await scene('delayed')
    const before = await everything(alice, roomId)
    const { delay_id } = await bob.ok('PUT', `/v3/rooms/${roomId}/send/m.room.message/d1`, {
      query: { 'org.matrix.msc4140.delay': 600_000 },
      body: { msgtype: 'm.text', body: 'later' },
    })
    await bob.post(`/unstable/org.matrix.msc4140/delayed_events/${delay_id}`, { action: 'send' })
    expect(await everything(alice, roomId)).toEqual(before)
    expect((await bob.get('/unstable/org.matrix.msc4140/delayed_events')).delayed_events ?? []).toEqual([])
  })

  it('reaches everybody again once the ban is lifted, and can leave meanwhile', async () => {
    const { admin, alice, bob, carol, roomId } = await scene('lifted')
    expect(await admin.person(bob.userId)).toMatchObject({ shadow_banned: true })
    expect(await admin.delete(`/v1/users/${bob.userId}/shadow_ban`)).toEqual({})
    const eventId = await bob.sendText(roomId, 'again')
    expect((await alice.getEvent(roomId, eventId)).content.body).toBe('again')
    await admin.post(`/v1/users/${carol.userId}/shadow_ban`)
    await carol.leave(roomId)
    expect((await alice.getState(roomId, 'm.room.member', carol.userId)).membership).toBe('leave')
    const deeds = (await admin.deedsOn(bob.userId)).map(({ action }) => action)
    expect(deeds).toEqual(['user.lift_shadow_ban', 'user.shadow_ban'])
  })
})
