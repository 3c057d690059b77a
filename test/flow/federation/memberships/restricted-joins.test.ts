import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import { enc, joinBy, membersOf, outcome, PAIRS } from './two-servers.ts'

const restrictedTo = (allowed: string, version: string, rule = 'restricted') => ({
  room_version: version,
  initial_state: [
    {
      type: 'm.room.join_rules',
      state_key: '',
      content: { join_rule: rule, allow: [{ type: 'm.room_membership', room_id: allowed }] },
    },
  ],
})

const join = (user: TestClient, room: string, via: string) =>
  outcome(user.request('POST', `/v3/join/${enc(room)}?via=${via}`, { body: {} }))

describe.each(PAIRS)('a restricted room of another server, on %s', (_, database) => {
  it.each(['8', '10', '12'])('lets in who is in the allowed room, in version %s', async (version) => {
    await using federation = await startFederation({ database })
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const space = await alice.createRoom({ preset: 'public_chat' })
    const roomId = await alice.createRoom(restrictedTo(space, version))
    expect(await join(bob, roomId, 'first.example')).toEqual([403, 'M_FORBIDDEN'])
    await joinBy(bob, space, 'first.example')
    expect(await joinBy(bob, roomId, 'first.example')).toBe(roomId)
    const member = await bob.getState(roomId, 'm.room.member', bob.userId)
    expect(member).toMatchObject({ membership: 'join', join_authorised_via_users_server: alice.userId })
    expect(await membersOf(alice, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
  })
})

describe('a restricted room', () => {
  it('is joined by another server where this one has nobody who may invite', async () => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const carol = await federation.at(1).register('carol')
    const space = await alice.createRoom({ preset: 'public_chat' })
    const roomId = await alice.createRoom({
      ...restrictedTo(space, '10'),
      power_level_content_override: { invite: 50 },
    })
    await joinBy(bob, space, 'first.example')
    const { next_batch: since } = await alice.sync()
    await joinBy(carol, space)
    await joinBy(bob, roomId, 'first.example')
    // The first server has to know that she may.
    await alice.syncUntil(since, ({ rooms }) =>
      rooms?.join?.[space]?.timeline.events.some(({ state_key }: Json) => state_key === carol.userId),
    )
    // The room is here by now, but only the first server's user may let anybody in.
    expect(await joinBy(carol, roomId)).toBe(roomId)
    const member = await carol.getState(roomId, 'm.room.member', carol.userId)
    expect(member).toMatchObject({ membership: 'join', join_authorised_via_users_server: alice.userId })
  })

  it('tells a server that another one has to be asked', async () => {
    await using federation = await startFederation({ names: ['first.example', 'second.example', 'third.example'] })
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const carol = await federation.at(2).register('carol')
    const space = await carol.createRoom({ preset: 'public_chat' })
    const roomId = await alice.createRoom(restrictedTo(space, '10'))
    await joinBy(bob, space, 'third.example')
    // The room's server is not in the space, so it cannot know.
    expect(await join(bob, roomId, 'first.example')).toEqual([400, 'M_UNABLE_TO_AUTHORISE_JOIN'])
    await joinBy(alice, space, 'third.example')
    expect(await joinBy(bob, roomId, 'first.example')).toBe(roomId)
  })
})
