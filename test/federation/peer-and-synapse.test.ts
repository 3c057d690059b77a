import { describe, expect, it } from 'vitest'
import { FederationPeer } from '../support/federation-peer/peer.ts'
import { serveAlias, serveRoom } from '../support/federation-peer/resident.ts'
import { joinRoom } from '../support/federation-peer/visitor.ts'
import { eventArrives } from './synapse/pair.ts'
import { freePort, SYNAPSE, Synapse } from './synapse/synapse.ts'

/** What the peer of the tests builds and signs is what another homeserver takes: so it is a fair judge of this one. */
describe.skipIf(SYNAPSE === undefined)(
  'the peer of the tests and Synapse (skipped without HOMEROOM_TEST_SYNAPSE)',
  () => {
    it('join each other’s rooms and hear each other, in versions old and new', {
      timeout: 120_000,
    }, async () => {
      await using synapse = await Synapse.start()
      const port = await freePort()
      const name = `localhost:${port}`
      await using peer = await FederationPeer.start({ name, port })
      peer.knows(synapse.name, synapse.name)
      const alice = await synapse.register('alice')

      for (const version of ['1', '3', '6', '9', '11', '12']) {
        const theirs = await alice.createRoom({ preset: 'public_chat', room_version: version })
        const joined = await joinRoom(peer, synapse.name, theirs)
        const fromPeer = joined.send({ type: 'm.room.message', content: { msgtype: 'm.text', body: `in ${version}` } })
        const answer = await peer.sendTransaction(synapse.name, [fromPeer.pdu])
        expect(answer.body.pdus).toEqual({ [fromPeer.eventId]: {} })
        await eventArrives(alice, theirs, fromPeer.eventId)
        const eventId = await alice.sendText(theirs, 'heard')
        await peer.pduWhich((pdu) => pdu.content.body === 'heard' && joined.read(pdu).eventId === eventId)

        const room = peer.createRoom({ version })
        serveRoom(peer, room)
        serveAlias(peer, room, `#v${version}:${name}`)
        expect(await alice.join(`#v${version}:${name}`)).toBe(room.roomId)
        expect(room.servers()).toContain(synapse.name)
        const here = room.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'of the peer' } })
        await peer.sendTransaction(synapse.name, [here.pdu])
        await eventArrives(alice, room.roomId, here.eventId)
        expect(await alice.getState(room.roomId, 'm.room.topic')).toEqual({ topic: 'of the peer' })
      }
      expect(peer.received.filter(({ signed, path }) => !signed && !path.includes('/key/v2/'))).toEqual([])
    })
  },
)
