import { expect, it } from 'vitest'
import type { Json } from '../support/client.ts'
import { BOTH_WAYS, membershipBecomes, roomsBecomeEqual, stateBecomes, syncShows, withSynapse } from './synapse/pair.ts'

const enc = encodeURIComponent

withSynapse('Homeroom and Synapse: rooms that lead to others', (pair) => {
  for (const [maker, joiner] of BOTH_WAYS) {
    const via = (): string => pair().side(maker).serverName

    it(`a room made on ${maker} is upgraded, and its people follow`, async () => {
      const alice = await pair().side(maker).register('alice')
      const bob = await pair().side(joiner).register('bob')
      const old = await alice.createRoom({ preset: 'public_chat', room_version: '10', name: 'moving' })
      await bob.post(`/v3/join/${enc(old)}?server_name=${enc(via())}&via=${enc(via())}`)
      await membershipBecomes(alice, old, bob.userId, 'join')
      const { replacement_room: next } = await alice.post(`/v3/rooms/${enc(old)}/upgrade`, { new_version: '12' })
      await stateBecomes(bob, old, ['m.room.tombstone', ''], (content) => content?.replacement_room === next)
      await bob.post(`/v3/join/${enc(next)}?server_name=${enc(via())}&via=${enc(via())}`)
      await membershipBecomes(alice, next, bob.userId, 'join')
      expect((await bob.getState(next, 'm.room.create')).predecessor).toMatchObject({ room_id: old })
      await roomsBecomeEqual(alice, bob, next)
      await roomsBecomeEqual(alice, bob, old)
    })

    it(`a space made on ${maker} shows its rooms to the other side, also those that it is not in`, async () => {
      const alice = await pair().side(maker).register('alice')
      const bob = await pair().side(joiner).register('bob')
      const space = await alice.createRoom({
        preset: 'public_chat',
        creation_content: { type: 'm.space' },
        name: 'space',
      })
      const open = await alice.createRoom({ preset: 'public_chat', name: 'open' })
      const closed = await alice.createRoom({ preset: 'private_chat', name: 'closed' })
      const theirs = await bob.createRoom({ preset: 'public_chat', name: 'theirs' })
      for (const room of [open, closed]) await alice.setState(space, 'm.space.child', room, { via: [via()] })
      await alice.setState(space, 'm.space.child', theirs, { via: [pair().side(joiner).serverName] })
      await bob.post(`/v3/join/${enc(space)}?server_name=${enc(via())}&via=${enc(via())}`)
      await stateBecomes(bob, space, ['m.space.child', theirs], (content) => content !== undefined)
      for (const client of [bob, alice]) {
        const { rooms } = await client.get(`/v1/rooms/${enc(space)}/hierarchy`)
        const names = rooms.map(({ name }: Json) => name).sort()
        expect(names).toEqual(client === bob ? ['open', 'space', 'theirs'] : ['closed', 'open', 'space', 'theirs'])
      }
    })

    it(`public rooms of ${maker} are listed for the other side`, async () => {
      const alice = await pair().side(maker).register('alice')
      const bob = await pair().side(joiner).register('bob')
      const name = `listed ${Math.random()}`
      const roomId = await alice.createRoom({ preset: 'public_chat', visibility: 'public', name, topic: 'for all' })
      await expect
        .poll(
          async () => {
            const { chunk } = await bob.ok('POST', '/v3/publicRooms', {
              query: { server: via() },
              body: { filter: { generic_search_term: name } },
            })
            return chunk.map(({ room_id }: Json) => room_id)
          },
          { timeout: 20_000 },
        )
        .toEqual([roomId])
      const all = await bob.get('/v3/publicRooms', { server: via(), limit: 100 })
      expect(all.chunk.map(({ room_id }: Json) => room_id)).toContain(roomId)
    })

    it(`an old event of a room made on ${maker} is found by its time, from the other side`, async () => {
      const alice = await pair().side(maker).register('alice')
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      const first = await alice.sendText(roomId, 'first')
      const { origin_server_ts: ts } = await alice.getEvent(roomId, first)
      for (let count = 0; count < 30; count++) await alice.sendText(roomId, `message ${count}`)
      const bob = await pair().side(joiner).register('bob')
      await bob.post(`/v3/join/${enc(roomId)}?server_name=${enc(via())}&via=${enc(via())}`)
      await syncShows(bob, (sync) => sync.rooms?.join?.[roomId])
      const found = await bob.get(`/v1/rooms/${enc(roomId)}/timestamp_to_event`, { ts, dir: 'f' })
      expect(found.event_id).toBe(first)
      await roomsBecomeEqual(alice, bob, roomId)
    })
  }
})
