import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { TestClient } from '../../../support/client.ts'
import { PASS_ON } from '../../../support/federation-peer/listener.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { serveRoom } from '../../../support/federation-peer/resident.ts'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { ownAddress, startFederation, writeTlsFiles } from '../../../support/federation-servers.ts'
import { scratchFolder } from '../../../support/scratch.ts'
import { ServerProcess } from '../../../support/server-process.ts'
import { HERE, text, untilBody } from '../receiving/scene.ts'
import { MEMBERS, serveLargeRoom } from './large-room.ts'
import { joinBy, membersOf, stateOf } from './two-servers.ts'

const OTHER = 'third.example'
const FEDERATION = '/_matrix/federation'
/** The requests by which members are fetched. */
const FETCHES = ['state_ids/:roomId', 'state/:roomId', 'event/:eventId'] as const

const idsOf = async (user: TestClient, roomId: string): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(
    Object.entries(await stateOf(user, roomId)).map(([key, eventId]) => [key.replace(' ', '|'), eventId]),
  )

describe('the server by which a room was joined without its members', () => {
  it.each(['cuts each answer', 'is gone'])(
    '%s: another one of the room gives them',
    { timeout: 60_000 },
    async (how) => {
      await using peer = await FederationPeer.start()
      await using other = await FederationPeer.start({ name: OTHER })
      other.knows(peer.name, peer.address)
      peer.knows(other.name, other.address)
      await using federation = await startFederation({
        names: [HERE],
        others: [peer, other].map(({ name, address }) => ({ serverName: name, address })),
        settings: { federation: { partialJoins: true } },
      })
      for (const one of [peer, other]) one.knows(HERE, federation.places[0]?.address ?? '')
      const joins: unknown[] = []
      const room = serveLargeRoom(peer, (pdu) => joins.push(pdu))
      const theirs = await joinRoom(other, peer.name, room.roomId)
      serveRoom(other, theirs)
      let cut = 0
      for (const path of FETCHES)
        peer.on('GET', `${FEDERATION}/v1/${path}`, (_, response) => {
          cut += 1
          if (how === 'is gone') void peer.close()
          response.destroy()
          return undefined
        })
      const alice = await federation.at(0).register('alice')
      await joinBy(alice, room.roomId, peer.name)
      // The other server hears of the join, by which it is asked what the state was.
      for (const join of joins) theirs.receive(join)
      expect(Object.keys(await membersOf(alice, room.roomId))).toHaveLength(MEMBERS + 3)
      expect(await idsOf(alice, room.roomId)).toEqual(theirs.stateIds())
      expect(cut).toBeGreaterThan(0)
      await other.sendTransaction(HERE, [theirs.send(text('from the other one')).pdu])
      await untilBody(alice, room.roomId, 'from the other one')
    },
  )
})

/** Starts a server of which each life ends by a kill. */
const lives = async (peer: FederationPeer) => {
  const tls = writeTlsFiles()
  const dataFolder = scratchFolder('partial')
  const { host, port } = await ownAddress()
  peer.knows(HERE, `${host}:${port}`)
  const env = {
    HOMEROOM_SERVER_NAME: HERE,
    HOMEROOM_HOST: host,
    HOMEROOM_TLS_PORT: `${port}`,
    HOMEROOM_TLS_CERT: tls.cert,
    HOMEROOM_TLS_KEY: tls.key,
    HOMEROOM_FEDERATION_CA: tls.ca,
    HOMEROOM_FEDERATION_ADDRESSES: `${peer.name}=${peer.address}`,
    HOMEROOM_FEDERATION_PARTIAL_JOINS: 'true',
  }
  let server = new ServerProcess({ dataFolder, env })
  await server.ready()
  return {
    url: () => server.url,
    kill: () => server.kill(),
    begin: async () => {
      server = new ServerProcess({ dataFolder, env })
      await server.ready()
    },
    [Symbol.asyncDispose]: async () => {
      await server.kill()
      tls.discard()
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

describe('a server that is killed while it fetches the members of a room', () => {
  it('goes on after its start, and has the room that others have', { timeout: 120_000 }, async () => {
    await using peer = await FederationPeer.start()
    await using server = await lives(peer)
    const alice = new TestClient(server.url)
    await alice.register('alice')
    const moments = FETCHES.flatMap((path) => [`${path} is asked for`, `${path} is answered`])
    const killedAt: string[] = []
    let armed = false
    let killed = Promise.withResolvers<void>()
    const killOnceAt = (moment: string): void => {
      if (!armed || killedAt.includes(moment)) return
      armed = false
      killedAt.push(moment)
      killed.resolve(server.kill().then(() => {}))
    }
    for (const _ of moments) {
      const room = serveLargeRoom(peer)
      for (const path of FETCHES)
        peer.on('GET', `${FEDERATION}/v1/${path}`, (_, response) => {
          killOnceAt(`${path} is asked for`)
          response.once('finish', () => killOnceAt(`${path} is answered`))
          return PASS_ON
        })
      killed = Promise.withResolvers()
      armed = true
      // The answer to the join may be what the kill cuts off.
      await joinBy(alice, room.roomId, peer.name).catch(() => {})
      const isKilled = killed.promise.then(() => true)
      const isWhole = membersOf(alice, room.roomId).then(
        () => false,
        () => isKilled,
      )
      const hasEnded = await Promise.race([isKilled, isWhole])
      armed = false
      const { pdu } = room.send(text('meanwhile', { sender: `@user1:${peer.name}` }))
      if (hasEnded) await server.begin()
      await peer.sendTransaction(HERE, [pdu])
      await untilBody(alice, room.roomId, 'meanwhile')
      expect(Object.keys(await membersOf(alice, room.roomId))).toHaveLength(MEMBERS + 2)
      expect(await idsOf(alice, room.roomId)).toEqual(room.stateIds())
    }
    expect(killedAt.length).toBeGreaterThan(2)
  })
})
