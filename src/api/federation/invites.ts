import Type from 'typebox'
import type { InvitesIn } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import { type JsonValue, objectAt, type ServerName } from '#spec'
import { AnyObject, roomIdOf } from '../client/own-user.ts'
import { SendPath } from './joins.ts'

export interface InvitesDeps {
  readonly invitesIn: Pick<InvitesIn, 'take'>
}

/** A member event, and the events that describe the room, each of up to 64 KiB. */
const BODY_BYTES = 1024 * 1024

const AnyValue = Type.Unsafe<JsonValue>({})

/** `invites-v1.yaml`, `invites-v2.yaml`. */
export const invitesEndpoints = ({ invitesIn }: InvitesDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: ['/_matrix/federation/v2/invite/:roomId/:eventId'],
    auth: server(),
    rateLimit: 'invite',
    params: SendPath,
    bodyLimitBytes: BODY_BYTES,
    body: Type.Object({
      room_version: Type.String(),
      event: AnyObject,
      invite_room_state: Type.Optional(AnyValue),
    }),
    handler: async ({ requester, params: { roomId, eventId }, body }) => {
      const { room_version: roomVersion, event, invite_room_state: roomState } = body
      const origin: ServerName = requester.serverName
      return {
        event: await invitesIn.take({ roomId: roomIdOf(roomId), eventId, event, roomVersion, roomState, origin }),
      }
    },
  }),
  endpoint({
    method: 'PUT',
    paths: ['/_matrix/federation/v1/invite/:roomId/:eventId'],
    auth: server(),
    rateLimit: 'invite',
    params: SendPath,
    bodyLimitBytes: BODY_BYTES,
    body: AnyObject,
    handler: async ({ requester: { serverName: origin }, params: { roomId, eventId }, body: event }) => {
      const roomState = objectAt(event, 'unsigned')?.invite_room_state
      // That form knows rooms of the first two versions alone, which differ in nothing that counts here.
      const request = { roomId: roomIdOf(roomId), eventId, event, roomVersion: '1', roomState, origin }
      return new RawJson(JSON.stringify([200, { event: await invitesIn.take(request) }]))
    },
  }),
]
