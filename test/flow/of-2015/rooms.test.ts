import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { askOld, doOld, getOld, refusalOf } from '../../support/old-client.ts'

const enc = encodeURIComponent

onEveryHomeserver('rooms for clients of 2015', (start) => {
  let homeserver: TestHomeserver
  let [alice, bob, carol] = [{}, {}, {}] as TestClient[] as [TestClient, TestClient, TestClient]
  let count = 0
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    carol = await homeserver.register('carol')
  })
  afterAll(() => homeserver.stop())
  const pathOf = (roomId: string): string => `/rooms/${enc(roomId)}`
  const newRoom = async (options: object = {}): Promise<string> =>
    (await doOld(alice, 'POST', '/createRoom', options)).room_id
  const aliasOf = (name: string): string => `#${name}:${homeserver.serverName}`
  const newName = (): string => {
    count += 1
    return `name${count}`
  }
  const stateOf = async (who: TestClient, roomId: string): Promise<Map<string, Json>> =>
    new Map(
      (await getOld(who, `${pathOf(roomId)}/state`)).map((event: Json) => [`${event.type}|${event.state_key}`, event]),
    )
  const syncedRoom = async (who: TestClient, roomId: string): Promise<Json> =>
    (await getOld(who, '/initialSync', { limit: 1 })).rooms.find(({ room_id: id }: Json) => id === roomId)

  describe('are created', () => {
    it('with visibility, alias, name, topic and invites, and the events that manage permissions', async () => {
      const name = newName()
      const options = { visibility: 'public', room_alias_name: name, name: 'The Grand Duke Pub', invite: [bob.userId] }
      const made = await doOld(alice, 'POST', '/createRoom', { ...options, topic: 'All about happy hour' })
      expect(made).toEqual({ room_id: expect.any(String), room_alias: aliasOf(name) })
      const state = await stateOf(alice, made.room_id)
      const content = (key: string): Json => state.get(key)?.content
      expect(content('m.room.create|').creator).toBe(alice.userId)
      expect(content('m.room.power_levels|').users).toEqual({ [alice.userId]: 100 })
      expect(content('m.room.join_rules|')).toEqual({ join_rule: 'public' })
      expect(content('m.room.name|')).toEqual({ name: 'The Grand Duke Pub' })
      expect(content('m.room.topic|')).toMatchObject({ topic: 'All about happy hour' })
      expect(content(`m.room.member|${bob.userId}`).membership).toBe('invite')
      expect((await getOld(carol, `/directory/room/${enc(aliasOf(name))}`)).room_id).toBe(made.room_id)
      const { chunk } = await getOld(carol, '/publicRooms')
      const listed = chunk.find(({ room_id: id }: Json) => id === made.room_id)
      expect(listed).toMatchObject({ name: 'The Grand Duke Pub', topic: 'All about happy hour' })
      expect(listed.aliases).toEqual([aliasOf(name)])
    })

    it('private, hidden and for the invited alone, where nothing else is said', async () => {
      const roomId = await newRoom({ invite: [bob.userId] })
      expect((await syncedRoom(alice, roomId)).visibility).toBe('private')
      const { chunk } = await getOld(carol, '/publicRooms')
      expect(chunk.map(({ room_id: id }: Json) => id)).not.toContain(roomId)
      expect(await getOld(alice, `${pathOf(roomId)}/state/m.room.join_rules`)).toEqual({ join_rule: 'invite' })
      expect(await refusalOf(carol, 'POST', `/join/${enc(roomId)}`, {})).toEqual([403, 'M_FORBIDDEN'])
      await doOld(bob, 'POST', `/join/${enc(roomId)}`, {})
    })

    it('not under a name that is taken, nor from what is no wish', async () => {
      const name = newName()
      await newRoom({ room_alias_name: name })
      expect(await refusalOf(alice, 'POST', '/createRoom', { room_alias_name: name })).toEqual([400, 'M_ROOM_IN_USE'])
      expect(await refusalOf(alice, 'POST', '/createRoom', 'no JSON')).toEqual([400, 'M_NOT_JSON'])
      expect(await refusalOf(alice, 'POST', '/createRoom', { visibility: 'half' })).toEqual([400, 'M_BAD_JSON'])
    })
  })

  it('are made, entered and left once by PUT with a transaction id, however often it comes', async () => {
    const put = (who: TestClient, path: string, body: object = {}): Promise<Json> => doOld(who, 'PUT', path, body)
    const [made, same] = await Promise.all([1, 2].map(() => put(alice, '/createRoom/7', { name: 'Once' })))
    expect([same, await put(alice, '/createRoom/7', { name: 'Once' })]).toEqual([made, made])
    expect((await put(bob, '/createRoom/7')).room_id).not.toBe(made.room_id)
    expect((await put(alice, '/createRoom/8')).room_id).not.toBe(made.room_id)
    const room = pathOf(made.room_id)
    for (const n of [1, 1]) expect(await put(alice, `${room}/invite/${n}`, { user_id: bob.userId })).toEqual({})
    for (const n of [1, 1]) expect(await put(bob, `${room}/join/${n}`)).toEqual({ room_id: made.room_id })
    for (const n of [1, 1]) expect(await put(alice, `${room}/kick/${n}`, { user_id: bob.userId })).toEqual({})
    await put(alice, `${room}/invite/2`, { user_id: bob.userId })
    // What was done before is not done again: Bob is not removed, nor does he join anew.
    expect(await put(alice, `${room}/kick/1`, { user_id: bob.userId })).toEqual({})
    expect(await put(bob, `${room}/join/1`)).toEqual({ room_id: made.room_id })
    expect((await stateOf(alice, made.room_id)).get(`m.room.member|${bob.userId}`).membership).toBe('invite')
    expect(await put(bob, `/join/${enc(made.room_id)}/3`)).toEqual({ room_id: made.room_id })
    expect(await put(bob, `${room}/leave/1`)).toEqual({})
    // A refusal is none that would last.
    expect(await refusalOf(bob, 'PUT', `${room}/join/4`, {})).toEqual([403, 'M_FORBIDDEN'])
    await put(alice, `${room}/invite/3`, { user_id: bob.userId })
    expect(await put(bob, `${room}/join/4`)).toEqual({ room_id: made.room_id })
    expect((await askOld(alice, 'PUT', '/_matrix/client/v3/createRoom/7', {})).status).toBe(404)
  })

  describe('have aliases', () => {
    it('that members make, anybody resolves with the servers that know the room, and this server makes for itself alone', async () => {
      const roomId = await newRoom()
      const alias = aliasOf(newName())
      const path = `/directory/room/${enc(alias)}`
      expect(await refusalOf(bob, 'PUT', path, { room_id: roomId })).toEqual([403, 'M_FORBIDDEN'])
      expect(await doOld(alice, 'PUT', path, { room_id: roomId })).toEqual({})
      const { status, body } = await homeserver.client().request('GET', `/_matrix/client/api/v1${path}`)
      expect([status, body]).toEqual([200, { room_id: roomId, servers: [homeserver.serverName] }])
      const elsewhere = `/directory/room/${enc('#pub:elsewhere.example')}`
      expect((await askOld(alice, 'PUT', elsewhere, { room_id: roomId })).status).toBe(400)
      expect(await refusalOf(alice, 'GET', `/directory/room/${enc(aliasOf('nobody-made'))}`)).toEqual([
        404,
        'M_NOT_FOUND',
      ])
    })

    it('that go by whoever made them or has power over the room, and by nobody else', async () => {
      const roomId = await newRoom({ visibility: 'public' })
      for (const who of [bob, carol]) await doOld(who, 'POST', `/join/${enc(roomId)}`, {})
      const path = `/directory/room/${enc(aliasOf(newName()))}`
      for (const remover of [bob, alice]) {
        await doOld(bob, 'PUT', path, { room_id: roomId })
        expect(await refusalOf(carol, 'DELETE', path)).toEqual([403, 'M_FORBIDDEN'])
        expect((await askOld(carol, 'GET', path)).status).toBe(200)
        expect(await doOld(remover, 'DELETE', path)).toEqual({})
        expect((await askOld(carol, 'GET', path)).status).toBe(404)
      }
    })

    it('that m.room.aliases tells of, for information only', async () => {
      const [first, second, third] = [newName(), newName(), newName()]
      const roomId = await newRoom({ room_alias_name: first })
      const told = async (): Promise<Json> =>
        (await getOld(alice, `${pathOf(roomId)}/state/m.room.aliases/${homeserver.serverName}`)).aliases.toSorted()
      expect(await told()).toEqual([aliasOf(first)])
      await doOld(alice, 'PUT', `/directory/room/${enc(aliasOf(second))}`, { room_id: roomId })
      expect(await told()).toEqual([aliasOf(first), aliasOf(second)].toSorted())
      // By a client of today, too: the list is kept where there is one.
      await alice.put(`/v3/directory/room/${enc(aliasOf(third))}`, { room_id: roomId })
      expect(await told()).toEqual([aliasOf(first), aliasOf(second), aliasOf(third)].toSorted())
      await doOld(alice, 'DELETE', `/directory/room/${enc(aliasOf(first))}`)
      expect(await told()).toEqual([aliasOf(second), aliasOf(third)].toSorted())
      const made = aliasOf(newName())
      const state = `${pathOf(roomId)}/state/m.room.aliases/${homeserver.serverName}`
      await doOld(alice, 'PUT', state, { aliases: [made] })
      expect((await askOld(bob, 'GET', `/directory/room/${enc(made)}`)).status).toBe(404)
      expect((await getOld(bob, `/directory/room/${enc(aliasOf(second))}`)).room_id).toBe(roomId)
    })

    it('that are made all the same by who has no power to tell of them, and untold in rooms of today', async () => {
      const roomId = await newRoom({ visibility: 'public' })
      await doOld(bob, 'POST', `/join/${enc(roomId)}`, {})
      const alias = aliasOf(newName())
      await doOld(bob, 'PUT', `/directory/room/${enc(alias)}`, { room_id: roomId })
      expect((await getOld(carol, `/directory/room/${enc(alias)}`)).room_id).toBe(roomId)
      const today = await alice.createRoom({ room_alias_name: newName() })
      await alice.put(`/v3/directory/room/${enc(aliasOf(newName()))}`, { room_id: today })
      for (const id of [roomId, today])
        expect([...(await stateOf(alice, id)).keys()].filter((key) => key.startsWith('m.room.aliases'))).toEqual([])
    })
  })

  describe('have power levels', () => {
    it('of 100 for the creator and 0 for others, and nobody gives more than their own', async () => {
      const roomId = await newRoom({ visibility: 'public' })
      await doOld(bob, 'POST', `/join/${enc(roomId)}`, {})
      const path = `${pathOf(roomId)}/state/m.room.power_levels`
      const levels = await getOld(alice, path)
      expect(levels.users).toEqual({ [alice.userId]: 100 })
      expect(levels.users_default).toBe(0)
      const give = (who: TestClient, users: object): ReturnType<typeof askOld> =>
        askOld(who, 'PUT', path, { ...levels, events: {}, state_default: 0, users })
      const of = (level: number): object => ({ [alice.userId]: 100, [bob.userId]: level })
      expect((await give(bob, of(1))).status).toBe(403)
      expect((await give(alice, of(50))).status).toBe(200)
      expect((await give(bob, { ...of(50), [carol.userId]: 51 })).status).toBe(403)
      // Also for who is not in the room.
      expect((await give(bob, { ...of(50), [carol.userId]: 50 })).status).toBe(200)
      expect((await getOld(alice, path)).users[carol.userId]).toBe(50)
    })
  })
})
