import { describe, expect, it } from 'vitest'
import { startFederation } from '../../../support/federation-servers.ts'
import { enc, joinBy, membersOf, outcome, PAIRS, stateOf } from './two-servers.ts'

const FIRST = 'first.example'

describe.each(PAIRS)('joining a room of another server, on %s', (_, database) => {
  it.each(['6', '10', '11', '12'])('gives both servers the same room, in version %s', async (version) => {
    await using federation = await startFederation({ database })
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, name: 'Here' })
    await alice.sendText(roomId, 'before')
    const { next_batch: since } = await bob.sync()
    expect(await joinBy(bob, roomId, FIRST)).toBe(roomId)
    expect(await membersOf(bob, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
    expect(await membersOf(alice, roomId)).toEqual(await membersOf(bob, roomId))
    expect(await stateOf(bob, roomId)).toEqual(await stateOf(alice, roomId))
    const sync = await bob.syncUntil(since, ({ rooms }) => rooms?.join?.[roomId] !== undefined)
    const { state, timeline } = sync.rooms.join[roomId]
    const names = [...state.events, ...timeline.events].filter(({ type }) => type === 'm.room.name')
    expect(names).toMatchObject([{ content: { name: 'Here' } }])
    const sent = await bob.sendText(roomId, 'hello from elsewhere')
    expect(await bob.getEvent(roomId, sent)).toMatchObject({ content: { body: 'hello from elsewhere' } })
  })

  it('goes by alias, and asks the server of the alias', async () => {
    await using federation = await startFederation({ database })
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'lobby' })
    expect(await joinBy(bob, '#lobby:first.example')).toBe(roomId)
    const carol = await federation.at(1).register('carol')
    // By now the room is here, so nobody else is asked.
    await federation.at(0).whileStopped(async () => {
      expect(await joinBy(carol, roomId)).toBe(roomId)
    })
  })
})

describe('a join that cannot be', () => {
  it('is refused as the other servers refuse it', async () => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const closed = await alice.createRoom({ preset: 'private_chat' })
    const banned = await alice.createRoom({ preset: 'public_chat' })
    await alice.ban(banned, bob.userId)
    const join = (room: string, via: string) =>
      outcome(bob.request('POST', `/v3/join/${enc(room)}?via=${via}`, { body: {} }))
    expect(await join(closed, FIRST)).toEqual([403, 'M_FORBIDDEN'])
    expect(await join(banned, FIRST)).toEqual([403, 'M_FORBIDDEN'])
    expect(await join('!nowhere', FIRST)).toEqual([404, 'M_NOT_FOUND'])
    expect(await join('#nothing:first.example', FIRST)).toEqual([404, 'M_NOT_FOUND'])
    expect(await outcome(bob.request('POST', `/v3/join/${enc('!nowhere')}`, { body: {} }))).toEqual([
      404,
      'M_NOT_FOUND',
    ])
    await federation.at(0).whileStopped(async () => {
      expect(await join(closed, FIRST)).toEqual([504, 'M_UNKNOWN'])
      expect(await join('#nothing:first.example', FIRST)).toEqual([504, 'M_UNKNOWN'])
    })
  })

  it('goes on with the next server, whatever the first one says', async () => {
    await using federation = await startFederation({ names: [FIRST, 'second.example', 'third.example'] })
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    // The third server does not know the room, and the one after it is nowhere.
    expect(await joinBy(bob, roomId, 'third.example', 'nowhere.servers.example', FIRST)).toBe(roomId)
  })
})
