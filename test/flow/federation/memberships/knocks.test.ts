import { describe, expect, it } from 'vitest'
import { startFederation } from '../../../support/federation-servers.ts'
import { enc, membersOf, outcome, PAIRS } from './two-servers.ts'

const knockRoom = { initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }] }

describe.each(PAIRS)('a knock at a room of another server, on %s', (_, database) => {
  it.each(['10', '12'])('is answered with what the room is, and by an invite, in version %s', async (version) => {
    await using federation = await startFederation({ database })
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom({ ...knockRoom, room_version: version, name: 'Club' })
    const { next_batch: since } = await bob.sync()
    await bob.post(`/v3/knock/${enc(roomId)}?via=first.example`, { reason: 'please' })
    const knocked = await bob.syncUntil(since, ({ rooms }) => rooms?.knock?.[roomId] !== undefined)
    const events = knocked.rooms.knock[roomId].knock_state.events
    expect(events).toContainEqual(expect.objectContaining({ type: 'm.room.name', content: { name: 'Club' } }))
    expect(events.at(-1)).toMatchObject({ state_key: bob.userId, content: { membership: 'knock', reason: 'please' } })
    expect(await membersOf(alice, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'knock' })
    await alice.invite(roomId, bob.userId)
    await bob.syncUntil(knocked.next_batch, ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
    expect(await bob.join(roomId)).toBe(roomId)
    expect((await membersOf(bob, roomId))[bob.userId]).toBe('join')
  })
})

describe('a knock from another server', () => {
  it('can be withdrawn, and refused', async () => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom(knockRoom)
    await bob.post(`/v3/knock/${enc(roomId)}?via=first.example`)
    await bob.leave(roomId)
    expect((await membersOf(alice, roomId))[bob.userId]).toBe('leave')
    expect((await bob.sync()).rooms.knock).toEqual({})
    await bob.post(`/v3/knock/${enc(roomId)}?via=first.example`)
    const { rooms, next_batch: since } = await bob.sync()
    expect(Object.keys(rooms.knock)).toEqual([roomId])
    await alice.kick(roomId, bob.userId, 'full')
    const refused = await bob.syncUntil(since, (sync) => sync.rooms?.leave?.[roomId] !== undefined)
    expect(refused.rooms.leave[roomId].timeline.events).toMatchObject([{ content: { reason: 'full' } }])
  })

  it('is refused where the room takes none', async () => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const invited = await alice.createRoom()
    const old = await alice.createRoom({ room_version: '6' })
    const knock = (room: string) =>
      outcome(bob.request('POST', `/v3/knock/${enc(room)}?via=first.example`, { body: {} }))
    expect(await knock(invited)).toEqual([403, 'M_FORBIDDEN'])
    expect(await knock(old)).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
    expect((await bob.sync()).rooms.knock).toEqual({})
  })
})
