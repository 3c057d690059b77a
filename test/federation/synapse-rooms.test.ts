import { expect, it } from 'vitest'
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

/** Rooms that Homeroom and Synapse share, made on either side. */
withSynapse('Homeroom and Synapse share rooms', (pair) => {
  for (const [maker, joiner] of BOTH_WAYS) {
    for (const version of ['6', '10', '11', '12']) {
      const title = `of version ${version}, made on ${maker}`

      it(`${title}: joined by alias, then messages, edits, redactions, state and power levels go both ways`, async () => {
        const alice = await pair().side(maker).register('alice')
        const bob = await pair().side(joiner).register('bob')
        const local = `v${version}-${maker.toLowerCase()}`
        const roomId = await alice.createRoom({ room_version: version, preset: 'public_chat', room_alias_name: local })
        const early = await alice.sendText(roomId, 'before anybody came')
        expect(await bob.join(`#${local}:${pair().side(maker).serverName}`)).toBe(roomId)
        await membershipBecomes(alice, roomId, bob.userId, 'join')
        await historyHas(bob, roomId, early)

        const hello = await bob.sendText(roomId, 'hello')
        await eventArrives(alice, roomId, hello)
        const edit = await bob.send(roomId, 'm.room.message', {
          msgtype: 'm.text',
          body: '* hello!',
          'm.new_content': { msgtype: 'm.text', body: 'hello!' },
          'm.relates_to': { rel_type: 'm.replace', event_id: hello },
        })
        await eventArrives(alice, roomId, edit)
        const answer = await alice.sendText(roomId, 'an answer')
        await eventArrives(bob, roomId, answer)

        await alice.setState(roomId, 'm.room.topic', '', { topic: 'of the day' })
        await stateBecomes(bob, roomId, ['m.room.topic', ''], (content) => content?.topic === 'of the day')
        const levels = await alice.getState(roomId, 'm.room.power_levels')
        await alice.setState(roomId, 'm.room.power_levels', '', {
          ...levels,
          users: { ...levels.users, [bob.userId]: 50 },
        })
        await stateBecomes(bob, roomId, ['m.room.power_levels', ''], (content) => content?.users?.[bob.userId] === 50)
        await bob.setState(roomId, 'm.room.name', '', { name: 'ours' })
        await stateBecomes(alice, roomId, ['m.room.name', ''], (content) => content?.name === 'ours')

        const redaction = await bob.redact(roomId, answer, 'no')
        await eventArrives(alice, roomId, redaction)
        const own = await alice.redact(roomId, early)
        await eventArrives(bob, roomId, own)
        for (const client of [alice, bob]) {
          await expect
            .poll(async () => (await client.getEvent(roomId, answer)).content, { timeout: 20_000 })
            .toEqual({})
          await expect.poll(async () => (await client.getEvent(roomId, early)).content, { timeout: 20_000 }).toEqual({})
        }
        await roomsBecomeEqual(alice, bob, roomId)
      })

      it(`${title}: joined by an invite, which can also be turned down`, async () => {
        const alice = await pair().side(maker).register('inviter')
        const bob = await pair().side(joiner).register('invited')
        const roomId = await alice.createRoom({ room_version: version, preset: 'private_chat', name: 'by invite' })
        await alice.invite(roomId, bob.userId)
        const stripped = await syncShows(bob, (sync) => sync.rooms?.invite?.[roomId]?.invite_state.events)
        expect(stripped).toContainEqual(
          expect.objectContaining({ type: 'm.room.name', content: { name: 'by invite' } }),
        )
        await bob.leave(roomId)
        await membershipBecomes(alice, roomId, bob.userId, 'leave')
        await alice.invite(roomId, bob.userId)
        await syncShows(bob, (sync) => sync.rooms?.invite?.[roomId])
        await bob.join(roomId)
        await membershipBecomes(alice, roomId, bob.userId, 'join')
        await eventArrives(alice, roomId, await bob.sendText(roomId, 'here'))
        await eventArrives(bob, roomId, await alice.sendText(roomId, 'welcome'))
        await roomsBecomeEqual(alice, bob, roomId)
      })
    }
  }

  it('finds profiles and aliases of each other', async () => {
    for (const [here, there] of BOTH_WAYS) {
      const alice = await pair().side(here).register('asking')
      const bob = await pair().side(there).register('named')
      await bob.put(`/v3/profile/${enc(bob.userId)}/displayname`, { displayname: 'Bob of there' })
      expect(await alice.get(`/v3/profile/${enc(bob.userId)}/displayname`)).toEqual({ displayname: 'Bob of there' })
      const alias = `#found-${there.toLowerCase()}:${pair().side(there).serverName}`
      const roomId = await bob.createRoom({
        room_alias_name: alias.slice(1, alias.indexOf(':')),
        preset: 'public_chat',
      })
      const found = await alice.get(`/v3/directory/room/${enc(alias)}`)
      expect(found.room_id).toBe(roomId)
      expect(found.servers).toContain(pair().side(there).serverName)
    }
  })
})
