import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { grow } from './grown.ts'

const setName = (client: TestClient, displayname: string): Promise<Json> =>
  client.put(`/v3/profile/${encodeURIComponent(client.userId)}/displayname`, { displayname })

const namesOf = async (client: TestClient, rooms: readonly string[]): Promise<ReadonlySet<string>> => {
  const names = new Set<string>()
  for (const roomId of rooms) names.add((await client.getState(roomId, 'm.room.member', client.userId)).displayname)
  return names
}

it('PUT displayname answers when the profile is stored and does not wait for all rooms', async () => {
  await using homeserver = await startHomeserver()
  const alice = await homeserver.register('alice')
  const first = await alice.createRoom()
  let copies: string[] = []
  await grow(homeserver, (rows) => {
    copies = rows.copyRoom(first, 400)
  })
  await setName(alice, 'Alice')
  expect((await alice.get(`/v3/profile/${encodeURIComponent(alice.userId)}`)).displayname).toBe('Alice')
  // The rooms are taken in order, a few at a time.
  expect(await namesOf(alice, copies.slice(-1))).toEqual(new Set(['alice']))
  await alice.ownMember(copies.at(-1) ?? '', ({ displayname }) => displayname === 'Alice')
  expect(await namesOf(alice, [first, ...copies])).toEqual(new Set(['Alice']))
}, 60_000)

onEveryHomeserver('a changed profile', (start) => {
  it('goes on into the rooms after a restart, and the newest profile wins everywhere', async () => {
    await using homeserver = await start()
    const alice = await homeserver.register('alice')
    const rooms: string[] = []
    for (let made = 0; made < 60; made++) rooms.push(await alice.createRoom())
    for (const name of ['first', 'second', 'third']) await setName(alice, name)
    await homeserver.restart()
    await setName(alice, 'last')
    await alice.ownMember(rooms.at(-1) ?? '', ({ displayname }) => displayname === 'last')
    expect(await namesOf(alice, rooms)).toEqual(new Set(['last']))
    const { chunk } = await alice.messages(rooms[0] ?? '', { dir: 'f', limit: 100 })
    const told = chunk.flatMap(({ type, content }: Json) => (type === 'm.room.member' ? [content.displayname] : []))
    // None goes back to an older one.
    const order = ['alice', 'first', 'second', 'third', 'last']
    expect(told).toEqual(order.filter((name) => told.includes(name)))
  }, 60_000)
})
