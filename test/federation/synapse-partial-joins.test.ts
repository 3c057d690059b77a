import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { eventArrives, historyHas, membershipBecomes, roomsBecomeEqual, withSynapse } from './synapse/pair.ts'

const enc = encodeURIComponent

withSynapse(
  'Homeroom and Synapse: a room joined without its members',
  (pair) => {
    it('is the same on both once the members are there', { timeout: 120_000 }, async () => {
      const synapse = pair().side('Synapse')
      const alice = await synapse.register('alice')
      const bob = await pair().side('Homeroom').register('bob')
      const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Large' })
      for (let member = 0; member < 5; member++) {
        const other = await synapse.register(`member${member}`)
        await other.post(`/v3/join/${enc(roomId)}`)
      }
      const before = await alice.sendText(roomId, 'before')
      const via = `server_name=${enc(synapse.serverName)}&via=${enc(synapse.serverName)}`
      await bob.post(`/v3/join/${enc(roomId)}?${via}`)
      // Nobody waited for anything here: what is sent at once may come before the members or after them.
      const sent = await bob.sendText(roomId, 'at once')
      const answered = await alice.sendText(roomId, 'at once as well')
      await eventArrives(alice, roomId, sent)
      await eventArrives(bob, roomId, answered)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      await historyHas(bob, roomId, before)
      const { joined } = await bob.get(`/v3/rooms/${enc(roomId)}/joined_members`)
      expect(Object.keys(joined)).toHaveLength(7)
      await roomsBecomeEqual(alice, bob, roomId)
      const database = new DatabaseSync(pair().homeroom.databaseFile, { readOnly: true })
      const [room] = database.prepare('select partial_since, whole_since from rooms where room_id = ?').all(roomId)
      database.close()
      expect(room).toEqual({ partial_since: null, whole_since: expect.any(Number) })
    })
  },
  { settings: { federation: { partialJoins: true } } },
)
