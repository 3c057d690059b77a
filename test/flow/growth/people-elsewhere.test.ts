import { expect, it, vi } from 'vitest'
import type { Json } from '../../support/client.ts'
import { reply } from '../../support/federation-peer/listener.ts'
import { joinRoom } from '../../support/federation-peer/visitor.ts'
import { withPeer } from '../federation/encryption/with-peer.ts'
import { grow, leastCpuMs, repeatedly } from './grown.ts'

const PEOPLE = 20_000
const SEARCHES = 20
const THEM = '@visitor:peer.example'

it('a search in the directory of users costs the same with 20,000 people of other servers in one room', async () => {
  const both = await withPeer()
  await using _ = both
  const { peer, server } = both
  const [alice, bob] = [await server.register('alice'), await server.register('bobbyjones')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  peer.on('GET', '/_matrix/federation/v1/query/profile', () => reply({ displayname: 'Many People' }))
  await joinRoom(peer, 'first.example', roomId)
  const found = async (term: string): Promise<string[]> =>
    (await alice.post('/v3/user_directory/search', { search_term: term })).results.map((one: Json) => one.user_id)
  await vi.waitFor(async () => expect(await found('people')).toEqual([THEM]), { timeout: 20_000, interval: 100 })

  const search = repeatedly(SEARCHES, async () => {
    expect(await found('bobby')).toEqual([bob.userId])
    expect(await found('nobody')).toEqual([])
  })
  await search()
  const without = await leastCpuMs(search)
  await grow(server, (rows) => rows.addPeopleElsewhere(roomId, THEM, PEOPLE))
  expect(await found('people')).toHaveLength(10)
  expect((await leastCpuMs(search, without * 2)) / without).toBeLessThan(2)
}, 120_000)
