import { PASS_ON, reply } from '../../../support/federation-peer/listener.ts'
import type { FederationPeer } from '../../../support/federation-peer/peer.ts'
import type { PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { joinAnswerWithoutMembers, serveRoom } from '../../../support/federation-peer/resident.ts'

export const MEMBERS = 20

/** A peer's room with many members, which lets servers join without these. `joined` is given each event by which one did. */
export const serveLargeRoom = (peer: FederationPeer, joined: (pdu: unknown) => void = () => {}): PeerRoom => {
  const room = peer.createRoom({ version: '11' })
  for (let member = 0; member < MEMBERS; member++) {
    const user = `@user${member}:${peer.name}`
    room.send({ type: 'm.room.member', sender: user, stateKey: user, content: { membership: 'join' } })
  }
  serveRoom(peer, room)
  peer.on('PUT', '/_matrix/federation/v2/send_join/:roomId/:eventId', ({ params, query, body }) => {
    if (params.roomId !== room.roomId || query.get('omit_members') !== 'true') return PASS_ON
    joined(body)
    return reply(joinAnswerWithoutMembers(peer, room, body))
  })
  return room
}
