import { type ISearchResults, type MatrixClient, MatrixError } from 'matrix-js-sdk'
import { RoomHierarchy } from 'matrix-js-sdk/lib/room-hierarchy.js'
import { afterAll, expect, it } from 'vitest'
import type { TestClient } from '../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { silenceConsole } from './encrypting-client.ts'
import { newMembership, newSees, startClientOfToday } from './sdk-of-today.ts'

silenceConsole()

onEveryHomeserver('matrix-js-sdk', (start) => {
  const shared = shareHomeserver(start)
  const running: MatrixClient[] = []
  afterAll(() => {
    for (const client of running) client.stopClient()
  })

  const open = async (homeserver: TestHomeserver, { userId, accessToken = '', deviceId }: TestClient) => {
    const client = await startClientOfToday(homeserver.url, { userId, accessToken, deviceId })
    running.push(client)
    return client
  }

  it('opens a space page by page, and joins a room that its members may join', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const via = [homeserver.serverName]
    const space = await alice.createRoom({
      name: 'Tea garden',
      preset: 'public_chat',
      creation_content: { type: 'm.space' },
    })
    const allow = [{ type: 'm.room_membership', room_id: space }]
    const restricted = { type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }
    const green = await alice.createRoom({ name: 'Green', initial_state: [restricted] })
    const hidden = await alice.createRoom({ name: 'Hidden' })
    const inner = await alice.createRoom({
      name: 'Pots',
      preset: 'public_chat',
      creation_content: { type: 'm.space' },
    })
    const clay = await alice.createRoom({ name: 'Clay', preset: 'public_chat' })
    const children = [
      [space, inner, { via, order: 'b' }],
      [space, hidden, { via, order: 'c' }],
      [space, green, { via, order: 'a', suggested: true }],
      [inner, clay, { via }],
      [inner, space, { via }],
    ] as const
    for (const [parent, child, content] of children) await alice.setState(parent, 'm.space.child', child, content)

    const client = await open(homeserver, bob)
    await client.joinRoom(space)
    const root = await newSees(client, () => client.getRoom(space))
    expect(root.isSpaceRoom()).toBe(true)
    const hierarchy = new RoomHierarchy(root, 2)
    for (let page = 0; page < 10 && hierarchy.canLoadMore; page += 1) await hierarchy.load()
    expect([hierarchy.noSupport, hierarchy.canLoadMore]).toEqual([false, false])
    expect(hierarchy.rooms?.map(({ name }) => name)).toEqual(['Tea garden', 'Green', 'Pots', 'Clay'])
    expect([hierarchy.isSuggested(space, green), hierarchy.isSuggested(space, inner)]).toEqual([true, undefined])
    await client.joinRoom(green, { viaServers: via })
    await newMembership(client, green, bob.userId, 'join')
    await expect(client.joinRoom(hidden, { viaServers: via })).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
  })

  it('finds messages page by page, the newest first, each with what stands around it', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const wanted: string[] = []
    for (let message = 0; message < 15; message += 1) {
      wanted.push(await alice.sendText(roomId, `Sencha number ${message}`))
      await alice.sendText(roomId, `matcha number ${message}`)
    }
    const gone = await alice.sendText(roomId, 'sencha that is taken back')
    await alice.redact(roomId, gone)
    const client = await open(homeserver, bob)
    const found = (results: ISearchResults) => results.results.map(({ context }) => context.getEvent().getId())
    const search = async (): Promise<ISearchResults> => {
      let results = await client.searchRoomEvents({ term: 'sencha', filter: { limit: 6 } })
      for (let page = 0; page < 5 && results.next_batch !== undefined; page += 1)
        results = await client.backPaginateRoomEventsSearch(results)
      return results
    }
    const results = await search()
    expect(found(results)).toEqual(wanted.toReversed())
    expect(results.count).toBe(15)
    expect(results.highlights.map((word) => word.toLowerCase())).toContain('sencha')
    const around = results.results[1]?.context.getTimeline().map((event) => event.getContent().body)
    expect(around).toEqual(['matcha number 12', 'Sencha number 13', 'matcha number 13'])
  })

  it('finds people by name, among those whom one may know', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const carol = await homeserver.register('carol')
    const name = `Rosalind ${alice.userId.slice(1, 9)}`
    for (const person of [alice, carol])
      await person.put(`/v3/profile/${encodeURIComponent(person.userId)}/displayname`, { displayname: name })
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    await bob.join(roomId)
    await carol.createRoom()
    const client = await open(homeserver, bob)
    const found = await client.searchUserDirectory({ term: 'rosalind', limit: 10 })
    expect(found.results.map(({ user_id, display_name }) => [user_id, display_name])).toEqual([[alice.userId, name]])
    expect(found.limited).toBe(false)
  })

  it('follows a room into a new version, and knows both as one room', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const old = await alice.createRoom({ name: 'Tea', preset: 'public_chat', room_version: '10' })
    await bob.join(old)
    const [admin, member] = [await open(homeserver, alice), await open(homeserver, bob)]
    await expect(member.upgradeRoom(old, '11')).rejects.toBeInstanceOf(MatrixError)
    const { replacement_room: replacement } = await admin.upgradeRoom(old, '11')
    const tombstone = await newSees(member, () =>
      member.getRoom(old)?.currentState.getStateEvents('m.room.tombstone', ''),
    )
    expect(tombstone.getContent().replacement_room).toBe(replacement)
    await member.joinRoom(replacement)
    const made = await newSees(member, () => member.getRoom(replacement))
    await newMembership(member, replacement, bob.userId, 'join')
    expect([made.getVersion(), made.name]).toEqual(['11', 'Tea'])
    expect(made.findPredecessor()).toMatchObject({ roomId: old, eventId: tombstone.getId() })
    const history = member.getRoomUpgradeHistory(replacement, true).map(({ roomId }) => roomId)
    expect(history).toEqual([old, replacement])
    await expect(member.sendTextMessage(old, 'still here?')).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
  })
})
