import { type JsonObject, type Pdu, ROOM_VERSIONS, type RoomId, stateTupleKey } from '#spec'
import type { Json } from '../client.ts'
import type { FederationPeer } from './peer.ts'
import { type PeerEvent, PeerRoom } from './peer-room.ts'

const enc = encodeURIComponent
const VERSIONS = [...ROOM_VERSIONS.values()]
  .filter(({ stable }) => stable)
  .map(({ id }) => `ver=${id}`)
  .join('&')

/** The peer's user joins a room by a server that is in it (make_join, send_join v2). Answers with the room as the peer knows it then. */
export const joinRoom = async (
  peer: FederationPeer,
  destination: string,
  roomId: string,
  userId = `@visitor:${peer.name}`,
): Promise<PeerRoom> => {
  const made = await peer.get(destination, `/_matrix/federation/v1/make_join/${enc(roomId)}/${enc(userId)}?${VERSIONS}`)
  const room = new PeerRoom(made.room_version, peer.key, userId)
  room.roomId = roomId as RoomId
  const join = finish(room, made.event)
  const answer = await peer.ok(destination, {
    method: 'PUT',
    uri: `/_matrix/federation/v2/send_join/${enc(roomId)}/${enc(join.eventId)}`,
    body: join.pdu,
  })
  return enter(room, join, answer)
}

/** The peer's user leaves (make_leave, send_leave v2), also to turn an invite down. */
export const leaveRoom = async (
  peer: FederationPeer,
  destination: string,
  room: PeerRoom,
  userId = room.sender,
): Promise<PeerEvent> => {
  const made = await peer.get(destination, `/_matrix/federation/v1/make_leave/${enc(room.roomId)}/${enc(userId)}`)
  const leave = finish(room, made.event)
  await peer.ok(destination, {
    method: 'PUT',
    uri: `/_matrix/federation/v2/send_leave/${enc(room.roomId)}/${enc(leave.eventId)}`,
    body: leave.pdu,
  })
  return leave
}

/** A template of `make_join` and its like made a hashed, signed event; `changes` of its members come before. */
export const finish = (room: PeerRoom, template: Json, changes: JsonObject = {}): PeerEvent => {
  const whole = { ...template, ...changes }
  const { sender, state_key: stateKey, content, depth, type } = whole
  return room.build({ type, sender, stateKey, content, depth, ...room.referencesOf(whole) })
}

const enter = (room: PeerRoom, join: PeerEvent, answer: Json): PeerRoom => {
  for (const pdu of [...answer.auth_chain, ...answer.state]) room.addOutlier(room.read(pdu))
  const before = new Map(
    answer.state.map((pdu: Pdu) => {
      const { eventId, event } = room.read(pdu)
      return [stateTupleKey(event.type, event.stateKey ?? ''), eventId] as const
    }),
  ) as Parameters<PeerRoom['add']>[1]
  room.add(join, before)
  return room
}
