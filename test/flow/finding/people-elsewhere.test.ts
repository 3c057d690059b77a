import { describe, expect, it, vi } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { type PeerHandler, refusal, reply } from '../../support/federation-peer/listener.ts'
import type { FederationPeer } from '../../support/federation-peer/peer.ts'
import { joinRoom, leaveRoom } from '../../support/federation-peer/visitor.ts'
import { startFederation } from '../../support/federation-servers.ts'
import { withPeer } from '../federation/encryption/with-peer.ts'
import { enc, joinBy, PAIRS } from '../federation/memberships/two-servers.ts'

const PROFILE = '/_matrix/federation/v1/query/profile'
const THEM = '@visitor:peer.example'
const LIMIT = { timeout: 20_000, interval: 100 }

const look = async (client: TestClient, term: string): Promise<Json[]> =>
  (await client.post('/v3/user_directory/search', { search_term: term })).results
const names = async (client: TestClient, term: string): Promise<string[]> =>
  (await look(client, term)).map(({ user_id: userId }) => userId)
const setName = (client: TestClient, displayname: string): Promise<Json> =>
  client.put(`/v3/profile/${enc(client.userId)}/displayname`, { displayname })
const finds = (client: TestClient, term: string, wanted: readonly unknown[]): Promise<void> =>
  vi.waitFor(async () => expect(await look(client, term)).toEqual(wanted), LIMIT)

describe.each(PAIRS)('people of another server, on %s', (_, database) => {
  it('are found by those who share a room with them, and by nobody else', async () => {
    await using servers = await startFederation({ database })
    const [alice, carol] = [await servers.at(0).register('alice'), await servers.at(0).register('carol')]
    const bob = await servers.at(1).register('robertina')
    await setName(bob, 'Bobbie Tables')
    await bob.put(`/v3/profile/${enc(bob.userId)}/avatar_url`, { avatar_url: 'mxc://second.example/abc' })
    const room = await alice.createRoom({ invite: [bob.userId] })
    await joinBy(bob, room, 'first.example')
    const profile = { display_name: 'Bobbie Tables', avatar_url: 'mxc://second.example/abc' }
    await finds(alice, 'tables bob', [{ user_id: bob.userId, ...profile }])
    for (const term of ['robertina', 'ertin', bob.userId, '@robert'])
      expect(await names(alice, term)).toEqual([bob.userId])
    expect(await names(alice, 'robertina:third.example')).toEqual([])
    expect(await names(carol, 'bobbie')).toEqual([])
    // The other server has heard of Alice in the same way.
    await finds(bob, 'alice', [{ user_id: alice.userId, display_name: 'alice' }])
    await bob.leave(room)
    await vi.waitFor(async () => expect(await names(alice, 'bobbie')).toEqual([]), LIMIT)
  }, 60_000)

  it('are found by everybody in a public room, until this server has left it', async () => {
    await using servers = await startFederation({ database })
    const [alice, carol] = [await servers.at(0).register('alice'), await servers.at(0).register('carol')]
    const bob = await servers.at(1).register('robertina')
    await setName(bob, 'Bobbie Tables')
    const room = await bob.createRoom({ preset: 'public_chat' })
    await joinBy(alice, room, 'second.example')
    for (const viewer of [alice, carol])
      await finds(viewer, 'bobbie', [{ user_id: bob.userId, display_name: 'Bobbie Tables' }])
    await servers.at(0).restart()
    expect(await names(carol, 'tables')).toEqual([bob.userId])
    await alice.leave(room)
    for (const viewer of [alice, carol]) expect(await names(viewer, 'bobbie')).toEqual([])
    await joinBy(carol, room, 'second.example')
    await finds(carol, 'bobbie', [{ user_id: bob.userId, display_name: 'Bobbie Tables' }])
  }, 60_000)
})

/** Alice at a homeserver, and a server that a test plays, which answers each question for a profile by `answer`. */
const withTeller = async (answer: PeerHandler) => {
  const both = await withPeer()
  const { peer, server } = both
  peer.on('GET', PROFILE, answer)
  const alice = await server.register('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const asked = (): (string | null)[] =>
    peer.received.filter(({ path }) => path === PROFILE).map(({ query }) => query.get('user_id'))
  return { ...both, alice, roomId, asked }
}

/** The peer's user says something else of themselves in this room. */
const joinAs = async (peer: FederationPeer, roomId: string, content: Json, userId = THEM) => {
  const room = await joinRoom(peer, 'first.example', roomId, userId)
  const member = room.send({ type: 'm.room.member', stateKey: userId, content: { membership: 'join', ...content } })
  await peer.sendTransaction('first.example', [member.pdu])
  return room
}

describe('people of a server that tells what it likes', () => {
  it('are not found by what they call themselves in a room', async () => {
    const all = await withTeller(() => reply({ displayname: 'Public Name', avatar_url: 'mxc://peer.example/public' }))
    await using _ = all
    const { alice, peer, roomId, asked } = all
    const content = { displayname: 'Coopersmith', avatar_url: 'mxc://peer.example/secret' }
    await joinAs(peer, roomId, content)
    const profile = { display_name: 'Public Name', avatar_url: 'mxc://peer.example/public' }
    await finds(alice, 'public', [{ user_id: THEM, ...profile }])
    expect(new Set(asked())).toEqual(new Set([THEM]))
    expect(await names(alice, 'coopersmith')).toEqual([])
    expect(await look(alice, 'visitor')).toEqual([{ user_id: THEM, ...profile }])
  }, 60_000)

  it.each([
    ['a name that is too long', reply({ displayname: 'n'.repeat(257), avatar_url: `mxc://${'a'.repeat(1_000)}` })],
    ['a name that is none', reply({ displayname: { a: 1 }, avatar_url: 7 })],
    ['a name that no database takes', reply({ displayname: 'n\0', avatar_url: 'mxc://peer.example/\0' })],
    ['a picture of another place', reply({ avatar_url: 'https://peer.example/pixel' })],
    ['no object', reply(['Public Name'])],
    ['too much', reply({ displayname: 'Public Name', more: 'm'.repeat(300_000) })],
    ['that it does not tell', refusal(403, 'M_FORBIDDEN')],
    ['that nobody is there', refusal(404, 'M_NOT_FOUND')],
    ['that it is broken', refusal(500, 'M_UNKNOWN')],
    ['that it was asked too often', refusal(429, 'M_LIMIT_EXCEEDED')],
  ])(
    'are found by their ids where it answers with %s',
    async (_name, answer) => {
      const all = await withTeller(() => answer)
      await using _ = all
      const { alice, peer, roomId, asked } = all
      await joinRoom(peer, 'first.example', roomId)
      await finds(alice, 'visitor', [{ user_id: THEM }])
      await vi.waitFor(() => expect(asked()).toEqual([THEM]), LIMIT)
      expect(await look(alice, 'visitor')).toEqual([{ user_id: THEM }])
      expect(await names(alice, 'public')).toEqual([])
      expect(asked()).toEqual([THEM])
    },
    60_000,
  )

  it('are asked for again after a restart, where no answer came', async () => {
    let isSilent = true
    const all = await withTeller(() => (isSilent ? undefined : reply({ displayname: 'Slow Name' })))
    await using _ = all
    const { alice, peer, roomId, server, asked } = all
    await joinRoom(peer, 'first.example', roomId)
    await vi.waitFor(() => expect(asked()).toEqual([THEM]), LIMIT)
    expect(await names(alice, 'visitor')).toEqual([THEM])
    isSilent = false
    await server.restart()
    await finds(alice, 'slow', [{ user_id: THEM, display_name: 'Slow Name' }])
  }, 60_000)

  it('are no longer found when they have left, whoever else is there', async () => {
    const all = await withTeller(() => reply({ displayname: 'Public Name' }))
    await using _ = all
    const { alice, peer, roomId } = all
    const room = await joinRoom(peer, 'first.example', roomId)
    await finds(alice, 'public', [{ user_id: THEM, display_name: 'Public Name' }])
    await leaveRoom(peer, 'first.example', room)
    expect(await names(alice, 'public')).toEqual([])
  }, 60_000)
})
