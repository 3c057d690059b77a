import { expect, it } from 'vitest'
import type { TestClient } from '../support/client.ts'
import {
  BOTH_WAYS,
  eventArrives,
  historyHas,
  membershipBecomes,
  roomsBecomeEqual,
  stateBecomes,
  syncShows,
  withSynapse,
} from './synapse/pair.ts'

const enc = encodeURIComponent

withSynapse('Homeroom and Synapse: who is in a room', (pair) => {
  for (const [maker, joiner] of BOTH_WAYS) {
    const title = `of a room made on ${maker}`
    const people = async (): Promise<[TestClient, TestClient]> => [
      await pair().side(maker).register('alice'),
      await pair().side(joiner).register('bob'),
    ]
    const via = (): string => pair().side(maker).serverName
    const joinVia = (client: TestClient, roomId: string): Promise<unknown> =>
      client.post(`/v3/join/${enc(roomId)}?server_name=${enc(via())}&via=${enc(via())}`)

    it(`${title}: leaves and comes back, is kicked and comes back`, async () => {
      const [alice, bob] = await people()
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await joinVia(bob, roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      await bob.leave(roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'leave')
      const missed = await alice.sendText(roomId, 'while nobody else was here')
      await joinVia(bob, roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      await historyHas(bob, roomId, missed)
      await eventArrives(alice, roomId, await bob.sendText(roomId, 'back'))

      await alice.kick(roomId, bob.userId, 'go')
      await membershipBecomes(bob, roomId, bob.userId, 'leave')
      await joinVia(bob, roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      await roomsBecomeEqual(alice, bob, roomId)
    })

    it(`${title}: is banned and let in again`, async () => {
      const [alice, bob] = await people()
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await joinVia(bob, roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      await alice.ban(roomId, bob.userId, 'stay away')
      // Synapse shows state to those who left, not to those who are banned.
      await syncShows(bob, (sync) => sync.rooms?.leave?.[roomId])
      await expect(joinVia(bob, roomId)).rejects.toMatchObject({ status: 403 })
      await alice.unban(roomId, bob.userId)
      await joinVia(bob, roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      await roomsBecomeEqual(alice, bob, roomId)
    })

    it(`${title}: those of both sides leave, one is left, and the room goes on`, async () => {
      const [alice, bob] = await people()
      const carol = await pair().side(joiner).register('carol')
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      for (const client of [bob, carol]) await joinVia(client, roomId)
      await membershipBecomes(alice, roomId, carol.userId, 'join')
      await alice.leave(roomId)
      await membershipBecomes(bob, roomId, alice.userId, 'leave')
      await carol.leave(roomId)
      await membershipBecomes(bob, roomId, carol.userId, 'leave')
      const alone = await bob.sendText(roomId, 'alone')
      const other = pair().side(joiner).serverName
      await alice.post(`/v3/join/${enc(roomId)}?server_name=${enc(other)}&via=${enc(other)}`)
      await membershipBecomes(bob, roomId, alice.userId, 'join')
      await historyHas(alice, roomId, alone)
      await roomsBecomeEqual(alice, bob, roomId)
    })

    it(`${title}: knocks, is let in`, async () => {
      const [alice, bob] = await people()
      const roomId = await alice.createRoom({
        preset: 'private_chat',
        name: 'knock',
        initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
      })
      await bob.post(`/v3/knock/${enc(roomId)}?server_name=${enc(via())}&via=${enc(via())}`, { reason: 'please' })
      await membershipBecomes(alice, roomId, bob.userId, 'knock')
      const stripped = await syncShows(bob, (sync) => sync.rooms?.knock?.[roomId]?.knock_state.events)
      expect(stripped).toContainEqual(expect.objectContaining({ type: 'm.room.name', content: { name: 'knock' } }))
      await alice.invite(roomId, bob.userId)
      await syncShows(bob, (sync) => sync.rooms?.invite?.[roomId])
      await bob.join(roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      await roomsBecomeEqual(alice, bob, roomId)
    })

    // Synapse takes a knock back for itself alone, and neither tells nor takes it that one is turned away; two of this server do both (flow/federation/memberships/knocks).
    it.skipIf(joiner === 'Synapse')(`${title}: knocks and takes it back`, async () => {
      const [alice, bob] = await people()
      const roomId = await alice.createRoom({
        preset: 'private_chat',
        initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
      })
      await bob.post(`/v3/knock/${enc(roomId)}?server_name=${enc(via())}&via=${enc(via())}`)
      await membershipBecomes(alice, roomId, bob.userId, 'knock')
      await bob.leave(roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'leave')
    })

    it.each(['10', '12'])(
      `${title} of version %s: who is in one room may join the other (restricted)`,
      async (version) => {
        const [alice, bob] = await people()
        const carol = await pair().side(joiner).register('carol')
        const house = await alice.createRoom({ preset: 'public_chat', room_version: version })
        const roomId = await alice.createRoom({
          preset: 'private_chat',
          room_version: version,
          initial_state: [
            {
              type: 'm.room.join_rules',
              state_key: '',
              content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: house }] },
            },
          ],
        })
        await expect(joinVia(carol, roomId)).rejects.toMatchObject({ status: 403 })
        await joinVia(bob, house)
        await membershipBecomes(alice, house, bob.userId, 'join')
        await joinVia(bob, roomId)
        await stateBecomes(
          alice,
          roomId,
          ['m.room.member', bob.userId],
          (content) => content?.membership === 'join' && content?.join_authorised_via_users_server === alice.userId,
        )
        await eventArrives(alice, roomId, await bob.sendText(roomId, 'let in'))
        // One of the same server is let in by that server's own knowledge, or by asking again.
        await joinVia(carol, house)
        await membershipBecomes(alice, house, carol.userId, 'join')
        await joinVia(carol, roomId)
        await membershipBecomes(alice, roomId, carol.userId, 'join')
        await roomsBecomeEqual(alice, bob, roomId)
      },
    )
  }
})
