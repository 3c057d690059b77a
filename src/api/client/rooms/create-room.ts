import Type, { type Static } from 'typebox'
import type { InviteByAddress, NewRoomRequest, RoomCreation } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, sinceV1, user } from '#http'
import type { JsonObject, RoomAlias, RoomId, UserId } from '#spec'
import { AnyObject } from '../own-user.ts'
import { plainText, userIdOf } from '../room-path.ts'

export interface CreateRoomDeps {
  readonly creation: Pick<RoomCreation, 'create'>
  readonly inviteByAddress: Pick<InviteByAddress, 'lookUp' | 'inviteIntoNew'>
  /** The version of rooms made through the paths of 2015. */
  readonly oldRoomVersion: string
}

/** Limits, as each is an event that is signed and stored in the commit of the room. */
const MAX_INVITES = 100
const MAX_INITIAL_STATE = 100
/** Each is a request to another server, or two. */
const MAX_ADDRESSES = 20

const body = Type.Object({
  visibility: Type.Optional(Type.Enum(['public', 'private'])),
  preset: Type.Optional(Type.Enum(['private_chat', 'public_chat', 'trusted_private_chat'])),
  room_alias_name: Type.Optional(Type.String({ maxLength: 255 })),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  invite: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_INVITES })),
  invite_3pid: Type.Optional(
    Type.Array(
      Type.Object({
        medium: Type.Optional(Type.String()),
        address: Type.Optional(Type.String()),
        id_server: Type.Optional(Type.String({ maxLength: 255 })),
        id_access_token: Type.Optional(Type.String({ maxLength: 2_048 })),
      }),
      { maxItems: MAX_ADDRESSES },
    ),
  ),
  room_version: Type.Optional(Type.String()),
  creation_content: Type.Optional(AnyObject),
  initial_state: Type.Optional(
    Type.Array(Type.Object({ type: Type.String(), state_key: Type.Optional(Type.String()), content: AnyObject }), {
      maxItems: MAX_INITIAL_STATE,
    }),
  ),
  power_level_content_override: Type.Optional(AnyObject),
  is_direct: Type.Optional(Type.Boolean()),
})

/** `room_alias` is told to clients of 2015 only. */
type CreatedRoom = { readonly room_id: RoomId; readonly room_alias?: RoomAlias }

/** `create_room.yaml`. */
export const createRoomEndpoints = ({
  creation,
  inviteByAddress,
  oldRoomVersion,
}: CreateRoomDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/createRoom'),
    auth: user({ suspended: false }),
    rateLimit: 'createRoom',
    body,
    invalidErrcode: 'M_BAD_JSON',
    handler: async ({ requester, body: sent, path }): Promise<CreatedRoom> => {
      const old = isOldPath(path)
      // A shadow-banned user has the room for themselves.
      const body = requester.shadowBanned
        ? { ...sent, invite: [], invite_3pid: [], visibility: 'private' as const }
        : sent
      const asked = old ? { room_version: oldRoomVersion, ...body } : body
      // By `PUT` the path ends with the transaction id.
      const isOnce = !path.endsWith('/createRoom')
      const transaction = isOnce ? { device: requester.device, scope: 'createRoom', id: path } : undefined
      const { userId } = requester
      const { users, unbound } = await inviteByAddress.lookUp(body.invite_3pid ?? [])
      const invite = [...(asked.invite ?? []), ...users.filter((user) => user !== userId)]
      const { service } = requester
      const wish = { ...requestOf(userId, { ...asked, invite }), aliasTold: old, transaction, service }
      const { roomId, alias } = await creation.create(wish)
      await inviteByAddress.inviteIntoNew(roomId, userId, unbound)
      return { room_id: roomId, ...(alias === undefined ? {} : { room_alias: alias }) }
    },
  }),
]

const requestOf = (creator: UserId, asked: Static<typeof body>): Omit<NewRoomRequest, 'aliasTold'> => {
  return {
    creator,
    visibility: asked.visibility ?? 'private',
    preset: asked.preset,
    aliasName: asked.room_alias_name,
    name: asked.name,
    topic: asked.topic,
    invite: [...new Set(asked.invite?.map(userIdOf))],
    initialState: (asked.initial_state ?? []).map((event) => ({
      type: plainText(event.type),
      stateKey: plainText(event.state_key ?? ''),
      content: event.content as JsonObject,
    })),
    powerLevelOverride: asked.power_level_content_override ?? {},
    creationContent: asked.creation_content ?? {},
    version: asked.room_version,
    isDirect: asked.is_direct ?? false,
  }
}
