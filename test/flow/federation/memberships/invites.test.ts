import { describe, expect, it } from 'vitest'
import type { Json } from '../../../support/client.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import { HOME, startAsking } from '../history/asking.ts'
import { enc, joinBy, membersOf, outcome, PAIRS } from './two-servers.ts'

describe.each(PAIRS)('an invite to a user of another server, on %s', (_, database) => {
  it.each(['6', '10', '11', '12'])('is shown, taken, and taken back, in version %s', async (version) => {
    await using federation = await startFederation({ database })
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom({ room_version: version, name: 'Parlour' })
    const { next_batch: since } = await bob.sync()
    await alice.invite(roomId, bob.userId, { reason: 'tea' })
    const invited = await bob.syncUntil(since, ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
    const events = invited.rooms.invite[roomId].invite_state.events
    expect(events).toContainEqual(expect.objectContaining({ type: 'm.room.name', content: { name: 'Parlour' } }))
    expect(events).toContainEqual(expect.objectContaining({ type: 'm.room.create', state_key: '' }))
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'm.room.member', state_key: bob.userId, sender: alice.userId }),
    )
    // A first sync shows it as well, whatever was told before.
    expect(Object.keys((await bob.sync()).rooms.invite)).toEqual([roomId])
    expect(await membersOf(alice, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'invite' })
    // Nobody has to say by which server: whoever invited is asked.
    expect(await bob.join(roomId)).toBe(roomId)
    expect(await membersOf(bob, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
    const { next_batch: here } = await alice.sync()
    await bob.leave(roomId)
    await alice.syncUntil(here, ({ rooms }) =>
      rooms?.join?.[roomId]?.timeline.events.some(({ content }: Json) => content.membership === 'leave'),
    )
    const { next_batch: left } = await bob.sync()
    await alice.invite(roomId, bob.userId)
    await bob.syncUntil(left, ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
    await bob.leave(roomId)
    expect((await bob.sync()).rooms.invite).toEqual({})
    expect((await membersOf(alice, roomId))[bob.userId]).toBe('leave')
  })
})

describe('an invite from another server', () => {
  it('can be declined when that server is gone', async () => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    const { rooms, next_batch: since } = await bob.sync()
    expect(Object.keys(rooms.invite)).toEqual([roomId])
    await federation.at(0).whileStopped(async () => {
      await bob.leave(roomId)
      const { rooms: after } = await bob.syncUntil(since, (sync) => sync.rooms?.leave?.[roomId] !== undefined)
      expect(after.leave[roomId].timeline.events).toMatchObject([{ content: { membership: 'leave' } }])
      expect((await bob.sync()).rooms.invite).toEqual({})
    })
    // And it may be made again.
    await alice.kick(roomId, bob.userId)
    await alice.invite(roomId, bob.userId)
    await bob.syncUntil(since, (sync) => sync.rooms?.invite?.[roomId] !== undefined)
    expect(await bob.join(roomId)).toBe(roomId)
  }, 120_000)

  it('is refused for nobody, for the unwilling, and by ignored users', async () => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom()
    const invite = (user_id: string) =>
      outcome(alice.request('POST', `/v3/rooms/${enc(roomId)}/invite`, { body: { user_id } }))
    expect(await invite('@nobody:second.example')).toEqual([403, 'M_FORBIDDEN'])
    await bob.put(`/v3/user/${enc(bob.userId)}/account_data/m.invite_permission_config`, { default_action: 'block' })
    expect(await invite(bob.userId)).toEqual([403, 'M_INVITE_BLOCKED'])
    expect((await bob.sync()).rooms.invite).toEqual({})
    expect((await membersOf(alice, roomId))[bob.userId]).toBeUndefined()
  })

  it('comes once to a server that is in the room', async () => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const carol = await federation.at(1).register('carol')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await joinBy(bob, roomId, 'first.example')
    const { next_batch: since } = await carol.sync()
    await alice.invite(roomId, carol.userId)
    await carol.syncUntil(since, ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
    await carol.join(roomId)
    expect((await membersOf(carol, roomId))[carol.userId]).toBe('join')
  })
})

it('an invite stays though the end of an earlier one comes late', async () => {
  await using asking = await startAsking()
  const { home, peer } = asking
  const bob = await home.register('bob')
  const room = peer.createRoom({ version: '11' })
  const member = (membership: string) =>
    room.send({ type: 'm.room.member', stateKey: bob.userId, content: { membership } })
  const invite = async (): Promise<void> => {
    const { eventId, pdu } = member('invite')
    const uri = `/_matrix/federation/v2/invite/${enc(room.roomId)}/${enc(eventId)}`
    await peer.ok(HOME, { method: 'PUT', uri, body: { room_version: '11', event: pdu, invite_room_state: [] } })
  }
  const invites = async (): Promise<readonly string[]> => Object.keys((await bob.sync()).rooms.invite)
  await invite()
  const late = member('leave')
  await invite()
  expect(await invites()).toEqual([room.roomId])
  expect((await peer.sendTransaction(HOME, [late.pdu])).status).toBe(200)
  // Transactions of one server are taken in their order: this one ends an invite into another room, which shows that the first was looked at.
  const other = peer.createRoom({ version: '11' })
  const { eventId, pdu } = other.send({
    type: 'm.room.member',
    stateKey: bob.userId,
    content: { membership: 'invite' },
  })
  const uri = `/_matrix/federation/v2/invite/${enc(other.roomId)}/${enc(eventId)}`
  await peer.ok(HOME, { method: 'PUT', uri, body: { room_version: '11', event: pdu, invite_room_state: [] } })
  const { next_batch: since } = await bob.sync()
  const end = other.send({ type: 'm.room.member', stateKey: bob.userId, content: { membership: 'leave' } })
  await peer.sendTransaction(HOME, [end.pdu])
  await bob.syncUntil(since, (sync) => sync.rooms?.leave?.[other.roomId] !== undefined)
  expect(await invites()).toEqual([room.roomId])
})
