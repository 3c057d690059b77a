import type { ServerResponse } from 'node:http'
import type { EventId } from '#spec'
import { refusal, reply } from '../../test/support/federation-peer/listener.ts'
import type { FederationPeer } from '../../test/support/federation-peer/peer.ts'
import type { LargeRoom } from './large-room.ts'

const FEDERATION = '/_matrix/federation'

/** Lets other servers join the room, and answers what they ask of it. */
export const serveLargeRoom = (peer: FederationPeer, room: LargeRoom): void => {
  peer.on('GET', `${FEDERATION}/v1/make_join/:roomId/:userId`, ({ params }) => {
    const event = {
      type: 'm.room.member',
      ...{ room_id: room.roomId, sender: params.userId, state_key: params.userId },
      content: { membership: 'join' },
      origin_server_ts: Date.now(),
      depth: room.head.depth + 1,
      prev_events: [room.head.eventId],
      auth_events: room.joinAuth,
    }
    return reply({ room_version: room.version, event })
  })
  peer.on('PUT', `${FEDERATION}/v2/send_join/:roomId/:eventId`, ({ text }, response) => {
    const servers = JSON.stringify([peer.name])
    const head = `{"origin":"${peer.name}","members_omitted":false,"servers_in_room":${servers},"event":${text}`
    send(response, [head, ',"auth_chain":[', ...joined(room.authChain), '],"state":[', ...joined(room.state), ']}'])
    return undefined
  })
  peer.on('GET', `${FEDERATION}/v1/state/:roomId`, (_, response) => {
    send(response, ['{"auth_chain":[', ...joined(room.authChain), '],"pdus":[', ...joined(room.state), ']}'])
    return undefined
  })
  peer.on('GET', `${FEDERATION}/v1/state_ids/:roomId`, () =>
    reply({ pdu_ids: room.stateIds, auth_chain_ids: room.authChainIds }),
  )
  peer.on('GET', `${FEDERATION}/v1/event/:eventId`, ({ params }, response) => {
    const pdu = room.pdus.get((params.eventId ?? '') as EventId)
    if (pdu === undefined) return refusal(404, 'M_NOT_FOUND')
    send(response, [`{"origin":"${peer.name}","origin_server_ts":${Date.now()},"pdus":[`, pdu, ']}'])
    return undefined
  })
}

function* joined(texts: readonly string[]): Generator<string> {
  let comma = ''
  for (const text of texts) {
    yield `${comma}${text}`
    comma = ','
  }
}

const send = (response: ServerResponse, pieces: readonly string[]): void => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(pieces.join(''))
}
