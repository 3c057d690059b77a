import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import { PASS_ON, reply } from '../../../support/federation-peer/listener.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import type { PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { type FederationServers, startFederation } from '../../../support/federation-servers.ts'
import type { DatabaseKind } from '../../../support/homeserver.ts'
import { bodiesIn, HERE, text, until, untilBody } from '../receiving/scene.ts'
import { MEMBERS, serveLargeRoom } from './large-room.ts'
import { enc, joinBy, membersOf, outcome, PAIRS, stateOf } from './two-servers.ts'

const LAZY = JSON.stringify({ room: { state: { lazy_load_members: true } } })

interface House extends AsyncDisposable {
  readonly federation: FederationServers
  readonly peer: FederationPeer
  readonly room: PeerRoom
  readonly alice: TestClient
  /** Lets the peer answer what the state is. */
  release(): void
  /** How often it was asked for the state, by ids. */
  asked(): number
}

/** A server that joins without members, and a peer with a large room that holds back the state. */
const open = async (database?: DatabaseKind): Promise<House> => {
  const peer = await FederationPeer.start()
  const federation = await startFederation({
    names: [HERE],
    others: [{ serverName: peer.name, address: peer.address }],
    settings: { federation: { partialJoins: true } },
    ...(database === undefined ? {} : { database }),
  })
  peer.knows(HERE, federation.places[0]?.address ?? '')
  const room = serveLargeRoom(peer)
  let release = (): void => {}
  const released = new Promise<void>((go) => {
    release = go
  })
  let asked = 0
  peer.on('GET', '/_matrix/federation/v1/state_ids/:roomId', async (): Promise<typeof PASS_ON> => {
    asked++
    await released
    return PASS_ON
  })
  return {
    ...{ federation, peer, room, release, asked: () => asked, alice: await federation.at(0).register('alice') },
    [Symbol.asyncDispose]: async () => {
      release()
      await federation[Symbol.asyncDispose]()
      await peer[Symbol.asyncDispose]()
    },
  }
}

const idsOf = async (user: TestClient, roomId: string): Promise<Json> =>
  Object.fromEntries(
    Object.entries(await stateOf(user, roomId)).map(([key, eventId]) => [key.replace(' ', '|'), eventId]),
  )

const messagesAt = async ({ received }: FederationPeer): Promise<readonly string[]> =>
  received
    .filter(({ path }) => path.includes('/send/'))
    .flatMap(({ body }) => body.pdus.map((pdu: Json) => pdu.content.body as string))

describe.each(PAIRS)('a room joined without its members, on %s', (_, [database]) => {
  it('is usable at once, and whole when they are there', { timeout: 60_000 }, async () => {
    await using house = await open(database)
    const { alice, room, peer } = house
    const { roomId } = room
    const { next_batch: since } = await alice.sync()
    const lazily = await alice.get(`/v3/sync?filter=${enc(LAZY)}`)
    expect(await joinBy(alice, roomId, peer.name)).toBe(roomId)
    // All that needs no members works: reading state, sending, and syncing for clients that load members lazily.
    expect(await alice.get(`/v3/rooms/${enc(roomId)}/state/m.room.join_rules`)).toEqual({ join_rule: 'public' })
    await alice.sendText(roomId, 'before they are there')
    await until(
      () => messagesAt(peer),
      (bodies) => bodies.includes('before they are there'),
    )
    const shown = await alice.get(`/v3/sync?filter=${enc(LAZY)}&since=${lazily.next_batch}`)
    expect(Object.keys(shown.rooms.join)).toEqual([roomId])
    // Others wait: clients that want all members, requests for them, and what the members say.
    const waiting = await alice.get(`/v3/sync?since=${since}&timeout=0`)
    expect(waiting.rooms?.join ?? {}).toEqual({})
    let members: Json
    const asked = membersOf(alice, roomId).then((known) => {
      members = known
    })
    expect(
      await peer.sendTransaction(HERE, [room.send(text('a member speaks', { sender: `@user1:${peer.name}` })).pdu]),
    ).toMatchObject({ status: 200 })
    await wait(300)
    expect(members).toBeUndefined()
    expect(await bodiesIn(alice, roomId)).toEqual(['before they are there'])
    house.release()
    await asked
    expect(Object.keys(members)).toHaveLength(MEMBERS + 2)
    await untilBody(alice, roomId, 'a member speaks')
    expect(await idsOf(alice, roomId)).toEqual(room.stateIds())
    // A client that wants all members is told of the room as one that it has just come to, one that loads them lazily as of a change.
    const told = await alice.syncUntil(waiting.next_batch, ({ rooms }) => rooms?.join?.[roomId] !== undefined)
    const events = [...told.rooms.join[roomId].state.events, ...told.rooms.join[roomId].timeline.events]
    expect(events.filter(({ type }) => type === 'm.room.member').length).toBeGreaterThanOrEqual(MEMBERS + 2)
    expect(told.device_lists.changed).toEqual(expect.arrayContaining([`@user1:${peer.name}`, `@user7:${peer.name}`]))
    const lazy = await alice.get(`/v3/sync?filter=${enc(LAZY)}&since=${shown.next_batch}`)
    expect(lazy.rooms.join[roomId].summary['m.joined_member_count']).toBe(MEMBERS + 2)
    expect(lazy.device_lists.changed).toEqual(expect.arrayContaining([`@user7:${peer.name}`]))
  })

  it('goes on after a restart', { timeout: 60_000 }, async () => {
    await using house = await open(database)
    const { alice, room, peer, federation } = house
    await joinBy(alice, room.roomId, peer.name)
    await until(
      async () => house.asked(),
      (count) => count > 0,
    )
    await peer.sendTransaction(HERE, [room.send(text('meanwhile', { sender: `@user1:${peer.name}` })).pdu])
    await federation.at(0).whileStopped(async () => {})
    house.release()
    await untilBody(alice, room.roomId, 'meanwhile')
    expect(await idsOf(alice, room.roomId)).toEqual(room.stateIds())
  })
})

describe('members that are fetched later', () => {
  it('are asked for again where the answer breaks off, or is not the state', { timeout: 60_000 }, async () => {
    await using house = await open()
    const { alice, room, peer } = house
    let broken = 0
    peer.on('GET', '/_matrix/federation/v1/state/:roomId', (_, response) => {
      if (broken++ > 0) return PASS_ON
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"pdus":[')
      response.destroy()
      return undefined
    })
    let lies = 0
    peer.on('GET', '/_matrix/federation/v1/event/:eventId', () => (lies++ === 0 ? { status: 500, json: {} } : PASS_ON))
    await joinBy(alice, room.roomId, peer.name)
    house.release()
    expect(Object.keys(await membersOf(alice, room.roomId))).toHaveLength(MEMBERS + 2)
    expect(await idsOf(alice, room.roomId)).toEqual(room.stateIds())
    expect(house.asked()).toBeGreaterThan(1)
  })

  it('are not believed where the rest of the state is another one', { timeout: 60_000 }, async () => {
    await using house = await open()
    const { alice, room, peer } = house
    let asked = 0
    peer.on('GET', '/_matrix/federation/v1/state_ids/:roomId', () => {
      if (asked++ > 0) return PASS_ON
      const create = room.stateEvent('m.room.create')?.eventId ?? ''
      return reply({ pdu_ids: [create], auth_chain_ids: [create] })
    })
    await joinBy(alice, room.roomId, peer.name)
    house.release()
    expect(Object.keys(await membersOf(alice, room.roomId))).toHaveLength(MEMBERS + 2)
    expect(asked).toBe(2)
  })

  it('decide whether others of this server may come in, and are given up when the room is left', {
    timeout: 60_000,
  }, async () => {
    await using house = await open()
    const { alice, room, peer, federation } = house
    const { roomId } = room
    const bob = await federation.at(0).register('bob')
    room.send({ type: 'm.room.member', stateKey: bob.userId, content: { membership: 'ban' } })
    await joinBy(alice, roomId, peer.name)
    const refused = outcome(bob.request('POST', `/v3/join/${enc(roomId)}`, { body: {} }))
    await wait(200)
    const uri = `/_matrix/federation/v1/make_join/${enc(roomId)}/${enc(`@new:${peer.name}`)}?ver=11`
    expect(await peer.request(HERE, { uri })).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    house.release()
    expect(await refused).toEqual([403, 'M_FORBIDDEN'])
  })

  it('do not come to a room that was left; whoever returns has the whole room', { timeout: 60_000 }, async () => {
    await using house = await open()
    const { alice, room, peer } = house
    const { roomId } = room
    await joinBy(alice, roomId, peer.name)
    await alice.post(`/v3/rooms/${enc(roomId)}/leave`)
    await until(
      async () => room.stateEvent('m.room.member', alice.userId)?.event.content.membership,
      (membership) => membership === 'leave',
    )
    house.release()
    await joinBy(alice, roomId, peer.name)
    expect(Object.keys(await membersOf(alice, roomId))).toHaveLength(MEMBERS + 2)
    expect(await idsOf(alice, roomId)).toEqual(room.stateIds())
  })
})
