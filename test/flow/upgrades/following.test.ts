import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const upgrade = async (client: TestClient, roomId: string, version: string): Promise<string> =>
  (await client.post(`/v3/rooms/${enc(roomId)}/upgrade`, { new_version: version })).replacement_room

const settings = async (client: TestClient, roomId: string) => {
  const { global } = await client.get('/v3/pushrules/')
  const rulesOf = (kind: string) => global[kind].filter(({ rule_id }: Json) => rule_id === roomId)
  const user = `/v3/user/${enc(client.userId)}`
  const direct = await client.request('GET', `${user}/account_data/m.direct`)
  return {
    room: rulesOf('room').map(({ actions, enabled }: Json) => [actions, enabled]),
    override: rulesOf('override').map(({ conditions }: Json) => conditions),
    tags: (await client.get(`${user}/rooms/${enc(roomId)}/tags`)).tags,
    isDirect: direct.status === 200 && Object.values(direct.body).flat().includes(roomId),
  }
}

const setAll = async (client: TestClient, roomId: string): Promise<void> => {
  const user = `/v3/user/${enc(client.userId)}`
  await client.put(`/v3/pushrules/global/room/${enc(roomId)}`, { actions: ['dont_notify'] })
  await client.put(`/v3/pushrules/global/room/${enc(roomId)}/enabled`, { enabled: false })
  const conditions = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
  await client.put(`/v3/pushrules/global/override/${enc(roomId)}`, { actions: [], conditions })
  await client.put(`${user}/rooms/${enc(roomId)}/tags/m.favourite`, { order: 0.5 })
  await client.put(`${user}/account_data/m.direct`, { '@friend:localhost': [roomId], '@odd:localhost': 'text' })
}

const allOf = (roomId: string, actions: readonly string[]) => ({
  room: [[actions, false]],
  override: [[{ kind: 'event_match', key: 'room_id', pattern: roomId }]],
  tags: { 'm.favourite': { order: 0.5 } },
  isDirect: true,
})
const NOTHING = { room: [], override: [], tags: {}, isDirect: false }

onEveryHomeserver('upgraded rooms', (start) => {
  let homeserver: TestHomeserver
  beforeAll(async () => {
    homeserver = await start()
  })
  afterAll(() => homeserver.stop())

  it('get the push rules, tags and m.direct of members when they join, and keep those for the old room', async () => {
    const [alice, bob, carol] = [
      await homeserver.register('alice'),
      await homeserver.register('bob'),
      await homeserver.register('carol'),
    ]
    const old = await alice.createRoom({ preset: 'public_chat', room_version: '10' })
    await bob.join(old)
    for (const client of [alice, bob, carol]) await setAll(client, old)
    const actions = (await settings(alice, old)).room[0][0]
    const since = (await bob.sync()).next_batch
    const room = await upgrade(alice, old, '11')
    expect(await settings(alice, room)).toEqual(allOf(room, actions))
    expect(await settings(bob, room)).toEqual(NOTHING)
    await bob.join(room)
    expect(await settings(bob, room)).toEqual(allOf(room, actions))
    expect(await settings(bob, old)).toEqual(allOf(old, actions))
    const told = (await bob.sync({ since })).account_data.events.map(({ type }: Json) => type)
    expect(told).toEqual(expect.arrayContaining(['m.push_rules', 'm.direct']))
    // Carol was never in the old room.
    await carol.join(room)
    expect(await settings(carol, room)).toEqual(NOTHING)
  })

  it('get them in an upgrade by hand too, for those who were in the new room before the tombstone', async () => {
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const old = await alice.createRoom({ preset: 'public_chat', room_version: '10', visibility: 'public' })
    await bob.join(old)
    for (const client of [alice, bob]) await setAll(client, old)
    const actions = (await settings(alice, old)).room[0][0]
    const creation_content = { predecessor: { room_id: old } }
    const room = await alice.createRoom({ preset: 'public_chat', room_version: '11', creation_content })
    expect(await settings(alice, room)).toEqual(NOTHING)
    await alice.setState(old, 'm.room.tombstone', '', { body: 'moved', replacement_room: room })
    await bob.join(room)
    for (const client of [alice, bob]) expect(await settings(client, room)).toEqual(allOf(room, actions))
    expect((await alice.get(`/v3/directory/list/room/${enc(old)}`)).visibility).toBe('private')
  })

  it('take nothing from a room that they only claim to replace', async () => {
    const [alice, mallory] = [await homeserver.register('alice'), await homeserver.register('mallory')]
    const old = await alice.createRoom()
    await setAll(alice, old)
    for (const predecessor of [{ room_id: old }, { room_id: 7 }, 'x', null, { room_id: 'x\0' }]) {
      const fake = await mallory
        .createRoom({ preset: 'public_chat', creation_content: { predecessor } })
        .catch(() => undefined)
      if (fake === undefined) continue
      await alice.join(fake)
      expect(await settings(alice, fake)).toEqual(NOTHING)
    }
  })

  it('take the place of the old ones in spaces, and of old spaces in their rooms, where whoever upgrades may do that', async () => {
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const space = await alice.createRoom({ creation_content: { type: 'm.space' }, preset: 'public_chat' })
    const others = await bob.createRoom({ creation_content: { type: 'm.space' }, preset: 'public_chat' })
    const room = await alice.createRoom()
    await alice.join(others)
    const link = { via: ['localhost'], order: 'a', suggested: true }
    await alice.setState(space, 'm.space.child', room, link)
    await bob.setState(others, 'm.space.child', room, link)
    await alice.setState(room, 'm.space.parent', space, { via: ['localhost'], canonical: true })
    const next = await upgrade(alice, room, '11')
    expect(await alice.getState(space, 'm.space.child', next)).toEqual(link)
    expect(await alice.getState(space, 'm.space.child', room)).toEqual({})
    expect(await alice.getState(others, 'm.space.child', room)).toEqual(link)
    expect(await alice.getState(next, 'm.space.parent', space)).toEqual({ via: ['localhost'], canonical: true })
    const nextSpace = await upgrade(alice, space, '11')
    expect(await alice.getState(nextSpace, 'm.space.child', next)).toEqual(link)
    expect(
      (await alice.get(`/v3/rooms/${enc(nextSpace)}/state`)).filter((event: Json) => event.type === 'm.space.child'),
    ).toHaveLength(1)
    expect(await alice.getState(next, 'm.space.parent', nextSpace)).toEqual({ via: ['localhost'], canonical: true })
    expect(await alice.getState(next, 'm.space.parent', space)).toEqual({})
  })
})
