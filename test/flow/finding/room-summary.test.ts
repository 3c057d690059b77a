import { expect, it } from 'vitest'
import type { Body, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const state = (type: string, content: Body) => ({ type, state_key: '', content })

onEveryHomeserver('room_summary', (start) => {
  const shared = shareHomeserver(start)
  const summary = (client: TestClient, room: string) => client.request('GET', `/v1/room_summary/${enc(room)}`)

  it('shows a public room to anybody, by id and by alias, and members their membership', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      room_version: '11',
      name: 'Garden',
      topic: 'Plants',
      room_alias_name: 'garden',
      creation_content: { type: 'm.space' },
      initial_state: [state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })],
    })
    const facts = {
      room_id: roomId,
      name: 'Garden',
      topic: 'Plants',
      canonical_alias: `#garden:${homeserver.serverName}`,
      join_rule: 'public',
      world_readable: false,
      guest_can_join: false,
      num_joined_members: 1,
      room_type: 'm.space',
      room_version: '11',
      encryption: 'm.megolm.v1.aes-sha2',
    }
    expect((await summary(homeserver.client(), roomId)).body).toEqual(facts)
    expect((await summary(bob, `#garden:${homeserver.serverName}`)).body).toEqual({ ...facts, membership: 'leave' })
    expect((await summary(alice, roomId)).body).toEqual({ ...facts, membership: 'join' })
    for (const path of [`rooms/${enc(roomId)}/summary`, `summary/${enc(roomId)}`])
      expect(await bob.get(`/unstable/im.nheko.summary/${path}`)).toEqual({ ...facts, membership: 'leave' })
  })

  it('tells of a private room only who is in it or invited, and others no more than of one that does not exist', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ name: 'Secret' })
    const nowhere = await summary(bob, `!nowhere:${homeserver.serverName}`)
    expect(nowhere).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    for (const client of [bob, homeserver.client()])
      expect(await summary(client, roomId)).toMatchObject({ status: 404, body: nowhere.body })
    await alice.invite(roomId, bob.userId)
    expect((await summary(bob, roomId)).body).toMatchObject({ name: 'Secret', membership: 'invite' })
    await bob.leave(roomId)
    expect((await summary(bob, roomId)).status).toBe(404)
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'world_readable' })
    expect((await summary(homeserver.client(), roomId)).body).toMatchObject({ world_readable: true })
  })

  it('shows rooms at which one may knock, and restricted ones to members of the allowed rooms, with these', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const knock = await alice.createRoom({ initial_state: [state('m.room.join_rules', { join_rule: 'knock' })] })
    expect((await summary(homeserver.client(), knock)).body.join_rule).toBe('knock')
    // Rooms of version 6 know no knocking, so the rule lets nobody ask.
    const old = await alice.createRoom({
      room_version: '6',
      initial_state: [state('m.room.join_rules', { join_rule: 'knock' })],
    })
    expect((await summary(bob, old)).status).toBe(404)
    const space = await alice.createRoom({ preset: 'public_chat' })
    const allow = [{ type: 'm.room_membership', room_id: space }, { type: 'else', room_id: '!x:y' }, 'nonsense']
    const rules = state('m.room.join_rules', { join_rule: 'restricted', allow })
    const restricted = await alice.createRoom({ initial_state: [rules] })
    expect((await summary(bob, restricted)).status).toBe(404)
    expect((await summary(homeserver.client(), restricted)).status).toBe(404)
    await bob.join(space)
    expect((await summary(bob, restricted)).body).toMatchObject({ join_rule: 'restricted', allowed_room_ids: [space] })
    await alice.ban(restricted, bob.userId)
    expect((await summary(bob, restricted)).status).toBe(404)
  })

  it('refuses what is neither a room id nor an alias', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    for (const room of ['room', '!', '#nocolon']) expect((await summary(alice, room)).status).toBe(400)
    expect((await summary(alice, `#nowhere:${homeserver.serverName}`)).status).toBe(404)
    const forged = await alice.request('GET', `/v1/room_summary/${enc('!a:b')}`, { token: 'forged' })
    expect(forged.status).toBe(401)
  })
})
