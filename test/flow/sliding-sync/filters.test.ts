import { expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { legacySync } from './requests.ts'

onEveryHomeserver('filters of sliding sync', (start) => {
  const homeserver = shareHomeserver(start)
  let count = 0
  const people = async (): Promise<[TestClient, TestClient]> => {
    const server = await homeserver()
    count++
    return [await server.register(`alice${count}`), await server.register(`bob${count}`)]
  }
  const body = (filters: object) => ({
    lists: { some: { ranges: [[0, 99]], timeline_limit: 0, required_state: [], filters } },
  })
  const matching = async (client: TestClient, filters: object): Promise<string[]> => {
    const { rooms, lists } = await legacySync(client, { ...body(filters), conn_id: 'once' })
    expect(lists.some.count).toBe(Object.keys(rooms).length)
    return Object.keys(rooms)
  }
  const data = (client: TestClient, path: string, content: object) =>
    client.put(`/v3/user/${client.userId}/${path}`, content)
  const tag = (client: TestClient, roomId: string, name: string) => data(client, `rooms/${roomId}/tags/${name}`, {})

  it('lets through rooms by what they are', async () => {
    const [alice, bob] = await people()
    const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
    const plain = await alice.createRoom({ name: 'Plain Room' })
    const secret = await alice.createRoom({ initial_state: [encryption] })
    const space = await alice.createRoom({ creation_content: { type: 'm.space' } })
    const invited = await bob.createRoom({
      invite: [alice.userId],
      initial_state: [encryption],
      creation_content: { type: 'm.space' },
    })
    const sorted = async (filters: object) => new Set(await matching(alice, filters))
    expect(await sorted({})).toEqual(new Set([plain, secret, space, invited]))
    expect(await sorted({ is_encrypted: true })).toEqual(new Set([secret, invited]))
    expect(await sorted({ is_encrypted: false })).toEqual(new Set([plain, space]))
    expect(await sorted({ is_invite: true })).toEqual(new Set([invited]))
    expect(await sorted({ is_invite: false })).toEqual(new Set([plain, secret, space]))
    expect(await sorted({ room_types: ['m.space'] })).toEqual(new Set([space, invited]))
    expect(await sorted({ room_types: [null] })).toEqual(new Set([plain, secret]))
    expect(await sorted({ not_room_types: ['m.space'] })).toEqual(new Set([plain, secret]))
    expect(await sorted({ room_types: ['m.space', null], not_room_types: ['m.space'] })).toEqual(
      new Set([plain, secret]),
    )
    expect(await sorted({ room_name_like: 'PLAIN' })).toEqual(new Set([plain]))
  })

  it('lets through rooms by what the user made of them', async () => {
    const [alice] = await people()
    const [one, two] = [await alice.createRoom(), await alice.createRoom()]
    await data(alice, 'account_data/m.direct', { '@somebody:else': [one] })
    await tag(alice, one, 'm.favourite')
    await tag(alice, one, 'u.work')
    await tag(alice, two, 'u.work')
    expect(await matching(alice, { is_dm: true })).toEqual([one])
    expect(await matching(alice, { is_dm: false })).toEqual([two])
    expect(await matching(alice, { tags: ['m.favourite', 'u.none'] })).toEqual([one])
    expect(await matching(alice, { tags: ['u.work'], not_tags: ['m.favourite'] })).toEqual([two])
    expect(await matching(alice, { not_tags: ['u.work'] })).toEqual([])
  })

  it('lets through the rooms right in spaces that the user is in', async () => {
    const [alice, bob] = await people()
    const space = await alice.createRoom({ creation_content: { type: 'm.space' } })
    const foreign = await bob.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } })
    const [inside, outside] = [await alice.createRoom(), await alice.createRoom()]
    await alice.setState(space, 'm.space.child', inside, { via: ['localhost'] })
    await bob.setState(foreign, 'm.space.child', outside, { via: ['localhost'] })
    expect(await matching(alice, { spaces: [space, foreign, '!unknown:localhost'] })).toEqual([inside])
    await alice.setState(space, 'm.space.child', inside, {})
    expect(await matching(alice, { spaces: [space] })).toEqual([])
  })

  it('follows what changes while a connection lasts', async () => {
    const [alice] = await people()
    const [one, two, space] = [
      await alice.createRoom(),
      await alice.createRoom(),
      await alice.createRoom({ creation_content: { type: 'm.space' } }),
    ]
    const lists = {
      dm: { ...body({ is_dm: true }).lists.some },
      secret: { ...body({ is_encrypted: true }).lists.some },
      tagged: { ...body({ tags: ['u.tag'] }).lists.some },
      inside: { ...body({ spaces: [space] }).lists.some },
    }
    let { pos, rooms } = await legacySync(alice, { lists })
    expect(rooms).toEqual({})
    const next = async (): Promise<readonly [string[], number[]]> => {
      const answer = await legacySync(alice, { lists }, { pos })
      pos = answer.pos
      rooms = answer.rooms
      return [Object.keys(rooms), Object.keys(lists).map((name) => answer.lists[name].count)]
    }
    await data(alice, 'account_data/m.direct', { '@somebody:else': [one] })
    expect(await next()).toEqual([[one], [1, 0, 0, 0]])
    expect(rooms[one]).toMatchObject({ initial: true, is_dm: true })
    await alice.setState(two, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' })
    expect(await next()).toEqual([[two], [1, 1, 0, 0]])
    await tag(alice, two, 'u.tag')
    expect(await next()).toEqual([[], [1, 1, 1, 0]])
    await alice.setState(space, 'm.space.child', one, { via: ['localhost'] })
    expect(await next()).toEqual([[], [1, 1, 1, 1]])
    await data(alice, 'account_data/m.direct', {})
    expect(await next()).toEqual([[one], [0, 1, 1, 1]])
    expect(rooms[one]).toMatchObject({ is_dm: false })
    await alice.leave(two)
    expect(await next()).toEqual([[two], [0, 0, 0, 1]])
  })
})
