import { describe, expect, it } from 'vitest'
import { ROOM_VERSIONS } from '#spec'
import { reply } from '../support/federation-peer/listener.ts'
import { FederationPeer } from '../support/federation-peer/peer.ts'
import { joinAnswer, serveRoom } from '../support/federation-peer/resident.ts'
import { startFederation } from '../support/federation-servers.ts'

const enc = encodeURIComponent

describe('a room of a peer', () => {
  it.each([...ROOM_VERSIONS.keys()].filter((id) => /^\d+$/.test(id)))(
    'of version %s is joined, whatever the order of the events in the answer',
    async (version) => {
      await using peer = await FederationPeer.start()
      await using federation = await startFederation({
        names: ['first.example'],
        others: [{ serverName: peer.name, address: peer.address }],
      })
      for (const { serverName, address } of federation.places) peer.knows(serverName, address)
      const alice = await federation.at(0).register('alice')
      const room = peer.createRoom({ version })
      serveRoom(peer, room)
      peer.on('PUT', '/_matrix/federation/v2/send_join/:roomId/:eventId', ({ body }) => {
        const answer = joinAnswer(peer, room, body)
        const reversed = (list: unknown): unknown[] => (list as unknown[]).toReversed()
        return reply({ ...answer, state: reversed(answer.state), auth_chain: reversed(answer.auth_chain) })
      })
      await alice.post(`/v3/join/${enc(room.roomId)}?via=${peer.name}&server_name=${peer.name}`)
      expect(room.servers()).toEqual([peer.name, 'first.example'])
      const state: { type: string; state_key: string; event_id: string }[] = await alice.get(
        `/v3/rooms/${enc(room.roomId)}/state`,
      )
      const ids = Object.fromEntries(state.map((event) => [`${event.type}|${event.state_key}`, event.event_id]))
      expect(ids).toEqual(room.stateIds())
    },
  )
})
