import { expect, it } from 'vitest'
import type { Json } from '../../../support/client.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import { enc, joinBy, membersOf, outcome, stateOf } from './two-servers.ts'

it('a server whose last user left is not in the room any more, until one comes back through another server', async () => {
  await using federation = await startFederation()
  const alice = await federation.at(0).register('alice')
  const bob = await federation.at(1).register('bob')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await joinBy(bob, roomId, 'first.example')
  const { next_batch: since } = await alice.sync()
  await bob.leave(roomId)
  await alice.syncUntil(since, ({ rooms }) =>
    rooms?.join?.[roomId]?.timeline.events.some(({ content }: Json) => content.membership === 'leave'),
  )
  const unseen = await alice.sendText(roomId, 'nobody of the second server is here')
  await alice.setState(roomId, 'm.room.name', '', { name: 'Renamed' })
  // The room is stale there, so nothing of it is decided by what was known.
  expect(await outcome(bob.request('GET', `/v3/rooms/${enc(roomId)}/event/${enc(unseen)}`))).toEqual([
    404,
    'M_NOT_FOUND',
  ])
  await federation.at(0).whileStopped(async () => {
    expect(await outcome(bob.request('POST', `/v3/join/${enc(roomId)}`, { body: {} }))).toEqual([504, 'M_UNKNOWN'])
  })
  expect(await bob.join(roomId)).toBe(roomId)
  expect(await membersOf(bob, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
  expect(await bob.getState(roomId, 'm.room.name')).toEqual({ name: 'Renamed' })
  expect(await stateOf(bob, roomId)).toEqual(await stateOf(alice, roomId))
})

it('a room that everybody left is decided here, as before', async () => {
  await using federation = await startFederation()
  const alice = await federation.at(0).register('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await alice.leave(roomId)
  expect(await alice.join(roomId)).toBe(roomId)
})

it('members of other servers are kicked, banned and let in again like any others', async () => {
  await using federation = await startFederation()
  const alice = await federation.at(0).register('alice')
  const bob = await federation.at(1).register('bob')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await joinBy(bob, roomId, 'first.example')
  const { next_batch: since } = await bob.sync()
  await alice.ban(roomId, bob.userId, 'enough')
  const banned = await bob.syncUntil(since, ({ rooms }) => rooms?.leave?.[roomId] !== undefined)
  expect(banned.rooms.leave[roomId].timeline.events.at(-1)).toMatchObject({
    content: { membership: 'ban', reason: 'enough' },
  })
  expect(await outcome(bob.request('POST', `/v3/join/${enc(roomId)}`, { body: {} }))).toEqual([403, 'M_FORBIDDEN'])
  await alice.unban(roomId, bob.userId)
  expect(await bob.join(roomId)).toBe(roomId)
  expect((await membersOf(alice, roomId))[bob.userId]).toBe('join')
})

it('an invite is shown in the older and the newer ways of syncing, and among what notifies', async () => {
  await using federation = await startFederation()
  const alice = await federation.at(0).register('alice')
  const bob = await federation.at(1).register('bob')
  const { end } = await bob.get('/v3/initialSync')
  const roomId = await alice.createRoom({ name: 'Parlour', invite: [bob.userId], is_direct: true })
  const sliding = await bob.post('/unstable/org.matrix.simplified_msc3575/sync', {
    lists: { all: { ranges: [[0, 9]], required_state: [], timeline_limit: 1 } },
  })
  expect(sliding.rooms[roomId].invite_state).toContainEqual(
    expect.objectContaining({ type: 'm.room.name', content: { name: 'Parlour' } }),
  )
  const { rooms } = await bob.get('/v3/initialSync')
  expect(rooms).toMatchObject([{ room_id: roomId, membership: 'invite', inviter: alice.userId }])
  const { chunk } = await bob.get('/v3/events', { from: end, timeout: 0 })
  const invite = (chunk as Json[]).find(({ type }) => type === 'm.room.member')
  expect(invite).toMatchObject({ room_id: roomId, content: { membership: 'invite', is_direct: true } })
  expect(invite?.invite_room_state).toContainEqual(expect.objectContaining({ content: { name: 'Parlour' } }))
  const { notifications } = await bob.get('/v3/notifications')
  expect(notifications).toMatchObject([{ room_id: roomId, event: { content: { membership: 'invite' } } }])
})

it('an invite that is taken back, and one of an ignored user, are not shown', async () => {
  await using federation = await startFederation()
  const alice = await federation.at(0).register('alice')
  const bob = await federation.at(1).register('bob')
  const roomId = await alice.createRoom({ invite: [bob.userId] })
  const { rooms, next_batch: since } = await bob.sync()
  expect(Object.keys(rooms.invite)).toEqual([roomId])
  await alice.kick(roomId, bob.userId)
  await bob.syncUntil(since, (sync) => sync.rooms?.leave?.[roomId] !== undefined)
  expect((await bob.sync()).rooms.invite).toEqual({})
  await bob.put(`/v3/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, {
    ignored_users: { [alice.userId]: {} },
  })
  await alice.createRoom({ invite: [bob.userId] }).catch(() => {})
  expect((await bob.sync()).rooms.invite).toEqual({})
})
