import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '#spec'
import type { TestClient } from '../../../support/client.ts'
import { reply } from '../../../support/federation-peer/listener.ts'
import { PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import type { PeerAnswer } from '../../../support/federation-peer/requests.ts'
import { countersigned, strippedState } from '../../../support/federation-peer/resident.ts'
import { finish, joinRoom, leaveRoom } from '../../../support/federation-peer/visitor.ts'
import { type Asking, enc, HOME, publicRoom, startAsking } from '../history/asking.ts'
import { membersOf } from './two-servers.ts'

const VISITOR = '@visitor:peer.example'
const VERSIONS = 'ver=6&ver=10&ver=11&ver=12'

const refusal = ({ status, body }: PeerAnswer): readonly [number, string] => [status, body?.errcode]

describe('a server that is in a room', () => {
  let house: Asking
  let alice: TestClient
  beforeAll(async () => {
    house = await startAsking()
    alice = await house.home.register('alice')
  })
  afterAll(() => house[Symbol.asyncDispose]())

  const make = (what: string, roomId: string, user = VISITOR, query = VERSIONS): Promise<PeerAnswer> =>
    house.ask(`/make_${what}/${enc(roomId)}/${enc(user)}?${query}`)

  const send = (what: string, roomId: string, eventId: string, body: JsonObject, version = 'v2'): Promise<PeerAnswer> =>
    house.peer.request(HOME, {
      method: 'PUT',
      uri: `/_matrix/federation/${version}/send_${what}/${enc(roomId)}/${enc(eventId)}`,
      body,
    })

  /** The peer's room as a template describes it, and the event made of the template. */
  const filled = async (roomId: string, changes: JsonObject = {}) => {
    const { body } = await make('join', roomId)
    const room = new PeerRoom(body.room_version, house.peer.key, VISITOR)
    room.roomId = roomId as PeerRoom['roomId']
    return { room, event: finish(room, body.event, changes) }
  }

  it.each(['6', '10', '11', '12'])('lets others come and go, in version %s', async (version) => {
    const roomId = await publicRoom(alice, { room_version: version })
    const room = await joinRoom(house.peer, HOME, roomId)
    expect(room.version.id).toBe(version)
    expect((await membersOf(alice, roomId))[VISITOR]).toBe('join')
    expect(room.stateEvent('m.room.create')?.event.sender).toBe(alice.userId)
    await leaveRoom(house.peer, HOME, room)
    expect((await membersOf(alice, roomId))[VISITOR]).toBe('leave')
  })

  it('says which version a room has to a server that does not know it', async () => {
    const roomId = await publicRoom(alice, { room_version: '10' })
    const answer = await make('join', roomId, VISITOR, 'ver=1&ver=9')
    expect(refusal(answer)).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
    expect(answer.body.room_version).toBe('10')
    // Without any, the first version is meant.
    expect(refusal(await make('join', roomId, VISITOR, ''))).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
  })

  it('refuses templates for users of others, strangers, and rooms that it does not know', async () => {
    const roomId = await publicRoom(alice)
    expect(refusal(await make('join', roomId, '@somebody:other-peer.example'))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusal(await make('join', '!nowhere:first.example'))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusal(await make('leave', roomId))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusal(await make('knock', roomId))).toEqual([403, 'M_FORBIDDEN'])
    const closed = await alice.createRoom()
    expect(refusal(await make('join', closed))).toEqual([403, 'M_FORBIDDEN'])
  })

  it('refuses servers that the room does not admit', async () => {
    const roomId = await publicRoom(alice)
    const { event } = await filled(roomId)
    await alice.setState(roomId, 'm.room.server_acl', '', { allow: ['*'], deny: ['PEER.*'] })
    expect(refusal(await make('join', roomId))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusal(await send('join', roomId, event.eventId, event.pdu))).toEqual([403, 'M_FORBIDDEN'])
  })

  it.each([
    ['leave', { content: { membership: 'leave' } }],
    ['event of another type', { type: 'm.room.topic' }],
    ['member event of another user', { state_key: '@somebody:peer.example' }],
    ['event with a sender of another server', { sender: '@alice:first.example', state_key: '@alice:first.example' }],
  ])('takes no %s in place of a join', async (_, changes) => {
    const roomId = await publicRoom(alice)
    const { event } = await filled(roomId, changes as JsonObject)
    expect(refusal(await send('join', roomId, event.eventId, event.pdu))).toEqual([400, 'M_INVALID_PARAM'])
    expect(Object.keys(await membersOf(alice, roomId))).toEqual([alice.userId])
  })

  it('takes no event under another id, of another room, or with a wrong signature', async () => {
    const roomId = await publicRoom(alice)
    const other = await publicRoom(alice)
    const { event } = await filled(roomId)
    expect(refusal(await send('join', roomId, '$other', event.pdu))).toEqual([400, 'M_INVALID_PARAM'])
    expect(refusal(await send('join', other, event.eventId, event.pdu))).toEqual([400, 'M_INVALID_PARAM'])
    const forged = { ...event.pdu, origin_server_ts: 1 }
    expect(refusal(await send('join', roomId, event.eventId, forged))).toEqual([400, 'M_INVALID_PARAM'])
    expect(Object.keys(await membersOf(alice, roomId))).toEqual([alice.userId])
  })

  it.each(['join', 'leave', 'knock'])('says M_BAD_JSON to a %s that is no canonical JSON', async (membership) => {
    const roomId = await publicRoom(alice, { room_version: '10' })
    if (membership === 'leave') await joinRoom(house.peer, HOME, roomId)
    if (membership === 'knock') await alice.setState(roomId, 'm.room.join_rules', '', { join_rule: 'knock' })
    const { body } = await make(membership, roomId)
    const room = new PeerRoom(body.room_version, house.peer.key, VISITOR)
    room.roomId = roomId as PeerRoom['roomId']
    const { pdu, eventId } = finish(room, body.event)
    const fraction = { ...pdu, content: { ...(pdu.content as JsonObject), fraction: 1.5 } }
    const version = membership === 'knock' ? 'v1' : 'v2'
    expect(refusal(await send(membership, roomId, eventId, fraction, version))).toEqual([400, 'M_BAD_JSON'])
  })

  it('answers a join that is sent again as it did before, and one that was refused with the refusal', async () => {
    const roomId = await publicRoom(alice)
    const { room, event } = await filled(roomId)
    const first = await send('join', roomId, event.eventId, event.pdu)
    expect((await send('join', roomId, event.eventId, event.pdu)).body).toEqual(first.body)
    await alice.ban(roomId, VISITOR)
    const late = finish(room, event.pdu, { depth: 9 })
    expect(refusal(await send('join', roomId, late.eventId, late.pdu))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusal(await send('join', roomId, late.eventId, late.pdu))).toEqual([403, 'M_FORBIDDEN'])
  })

  it('serves the first version of joining and leaving as well', async () => {
    const roomId = await publicRoom(alice)
    const { room, event } = await filled(roomId)
    const { status, body } = await send('join', roomId, event.eventId, event.pdu, 'v1')
    expect([status, body[0]]).toEqual([200, 200])
    expect(body[1].state.map(({ type }: { type: string }) => type)).toContain('m.room.create')
    const leave = finish(room, (await make('leave', roomId)).body.event)
    expect((await send('leave', roomId, leave.eventId, leave.pdu, 'v1')).body).toEqual([200, {}])
    expect((await membersOf(alice, roomId))[VISITOR]).toBe('leave')
    // What is no join is refused there, too.
    const again = await filled(roomId, { content: { membership: 'leave' } })
    expect(refusal(await send('join', roomId, again.event.eventId, again.event.pdu, 'v1'))).toEqual([
      400,
      'M_INVALID_PARAM',
    ])
  })

  it('leaves members out where it is asked to, but for those who name the room', async () => {
    const roomId = await publicRoom(alice)
    const bob = await house.home.register('bob')
    await bob.join(roomId)
    await alice.setState(roomId, 'm.room.name', '', { name: 'Named' })
    const { event } = await filled(roomId)
    const uri = `/_matrix/federation/v2/send_join/${enc(roomId)}/${enc(event.eventId)}?omit_members=true`
    const { body } = await house.peer.request(HOME, { method: 'PUT', uri, body: event.pdu })
    expect(body).toMatchObject({ members_omitted: true, origin: HOME, event: event.pdu })
    expect(body.servers_in_room).toContain(HOME)
    const told = [...body.state, ...body.auth_chain].filter(({ type }: JsonObject) => type === 'm.room.member')
    // Whoever sent the rest of the state is needed to judge it; nobody else is.
    expect(told.map(({ state_key }: JsonObject) => state_key)).toEqual([alice.userId])
  })

  it('tells a joiner of what was sent between its two requests', async () => {
    const roomId = await publicRoom(alice)
    const { event } = await filled(roomId)
    const between = await alice.sendText(roomId, 'between')
    expect((await send('join', roomId, event.eventId, event.pdu)).status).toBe(200)
    const { body } = await house.peer.requestWhich(({ body: sent }) =>
      (sent?.pdus ?? []).some(({ prev_events }: JsonObject) => JSON.stringify(prev_events ?? []).includes(between)),
    )
    expect(body.pdus.flatMap(({ prev_events }: { prev_events: string[] }) => prev_events)).toContain(event.eventId)
  })

  it('signs restricted joins that it vouches for, and no others', async () => {
    const space = await publicRoom(alice)
    const roomId = await alice.createRoom({
      initial_state: [
        {
          type: 'm.room.join_rules',
          state_key: '',
          content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] },
        },
      ],
    })
    expect(refusal(await make('join', roomId))).toEqual([403, 'M_FORBIDDEN'])
    const inSpace = await joinRoom(house.peer, HOME, space)
    const { event } = await filled(roomId)
    await leaveRoom(house.peer, HOME, inSpace)
    // The template was made when the visitor was still in the space.
    expect(refusal(await send('join', roomId, event.eventId, event.pdu))).toEqual([403, 'M_FORBIDDEN'])
    await joinRoom(house.peer, HOME, space)
    const { body } = await send('join', roomId, event.eventId, event.pdu)
    expect(Object.keys(body.event.signatures).sort()).toEqual([HOME, 'peer.example'])
    expect((await membersOf(alice, roomId))[VISITOR]).toBe('join')
  })

  it('asks and answers by the first version of invites where the other server knows no other', async () => {
    const roomId = await alice.createRoom({ room_version: '1' })
    house.peer.on('PUT', '/_matrix/federation/v2/invite/:roomId/:eventId', () => ({ status: 404, json: {} }))
    house.peer.on('PUT', '/_matrix/federation/v1/invite/:roomId/:eventId', ({ body }) => {
      const room = new PeerRoom('1', house.peer.key, VISITOR)
      return reply([200, { event: countersigned(house.peer, room, body) }])
    })
    await alice.invite(roomId, VISITOR)
    expect((await membersOf(alice, roomId))[VISITOR]).toBe('invite')
    const theirs = house.peer.createRoom({ version: '1' })
    const { eventId, pdu } = theirs.build({
      type: 'm.room.member',
      stateKey: alice.userId,
      content: { membership: 'invite' },
    })
    const uri = `/_matrix/federation/v1/invite/${enc(theirs.roomId)}/${enc(eventId)}`
    const unsigned = { invite_room_state: strippedState(theirs) }
    const { hashes: _, signatures: __, ...bare } = pdu
    // Events of that time have an origin.
    const event = theirs.sign({ ...bare, origin: 'peer.example' })
    const { body } = await house.peer.request(HOME, { method: 'PUT', uri, body: { ...event, unsigned } })
    expect([body[0], Object.keys(body[1].event.signatures).sort()]).toEqual([200, [HOME, 'peer.example']])
    const { invite_state } = (await alice.sync()).rooms.invite[theirs.roomId]
    expect(invite_state.events.map(({ type }: { type: string }) => type)).toContain('m.room.create')
  })
})
