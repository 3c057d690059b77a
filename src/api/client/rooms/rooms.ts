import Type from 'typebox'
import type { WholeRooms } from '#domain'
import { type AnyEndpoint, endpoint, oldPaths, RawJson, StreamedJson, sinceV1, user, v3 } from '#http'
import type { RoomId } from '#spec'
import type { RoomStates, Timeline } from '#views'
import { StatePath, statePaths } from '../events/room-state.ts'
import { viewerOf } from '../old-clients.ts'
import { roomIdOf } from '../own-user.ts'
import { eventIdOf, plainText, RoomIdPath, readersOf } from '../room-path.ts'

export interface RoomsDeps {
  readonly timeline: Pick<Timeline, 'event' | 'mayRead'>
  readonly roomStates: Pick<RoomStates, 'all' | 'one' | 'members' | 'joinedMembers'>
  readonly wholeRooms: Pick<WholeRooms, 'isPartial' | 'whole'>
}

const MembershipQuery = Type.Optional(Type.Enum(['join', 'invite', 'knock', 'leave', 'ban']))

/** `rooms.yaml`, and the paged members list of 2015. */
export const roomsEndpoints = ({ timeline, roomStates, wholeRooms }: RoomsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/rooms/:roomId/event/:eventId'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    handler: async ({ requester, params }) =>
      new RawJson(await timeline.event(roomIdOf(params.roomId), eventIdOf(params.eventId), requester)),
  }),
  endpoint({
    method: 'GET',
    paths: sinceV1('/rooms/:roomId/state'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    handler: async ({ requester, params, path }) => {
      const roomId = roomIdOf(params.roomId)
      await withMembers({ timeline, wholeRooms }, roomId, requester)
      return new StreamedJson(await roomStates.all(roomId, viewerOf(requester, path)))
    },
  }),
  endpoint({
    method: 'GET',
    paths: statePaths(),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: StatePath,
    allows: readersOf(timeline),
    query: Type.Object({ format: Type.Optional(Type.Enum(['content', 'event'])) }),
    handler: async ({ requester, params, query, path }) => {
      const entry = { type: plainText(params.eventType), stateKey: plainText(params.stateKey ?? '') }
      const viewer = viewerOf(requester, path)
      const roomId = roomIdOf(params.roomId)
      if (entry.type === 'm.room.member') await withMembers({ timeline, wholeRooms }, roomId, requester)
      return new RawJson(await roomStates.one(roomId, entry, query.format ?? 'content', viewer))
    },
  }),
  endpoint({
    method: 'GET',
    paths: v3('/rooms/:roomId/members'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    allows: readersOf(timeline),
    query: Type.Object({
      at: Type.Optional(Type.String()),
      membership: MembershipQuery,
      not_membership: MembershipQuery,
    }),
    handler: async ({ requester, params, query }) => {
      const { at, membership, not_membership: notMembership } = query
      const roomId = roomIdOf(params.roomId)
      await withMembers({ timeline, wholeRooms }, roomId, requester)
      return new StreamedJson(await roomStates.members({ roomId, at, membership, notMembership }, requester))
    },
  }),
  oldMembersEndpoint({ timeline, roomStates, wholeRooms }),
  joinedMembersEndpoint({ timeline, roomStates, wholeRooms }),
]

const joinedMembersEndpoint = ({ timeline, roomStates, wholeRooms }: RoomsDeps): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: v3('/rooms/:roomId/joined_members'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    handler: async ({ requester, params }) => {
      const roomId = roomIdOf(params.roomId)
      await withMembers({ timeline, wholeRooms }, roomId, requester)
      return new StreamedJson(await roomStates.joinedMembers(roomId, requester))
    },
  })

const oldMembersEndpoint = ({ timeline, roomStates, wholeRooms }: RoomsDeps): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: oldPaths('/rooms/:roomId/members'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    allows: readersOf(timeline),
    query: Type.Object({
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
    handler: async ({ requester, params, query: page, path }) => {
      const everybody = { at: undefined, membership: undefined, notMembership: undefined }
      const request = { roomId: roomIdOf(params.roomId), ...everybody, page }
      await withMembers({ timeline, wholeRooms }, request.roomId, requester)
      return new StreamedJson(await roomStates.members(request, viewerOf(requester, path)))
    },
  })

/** Waits for the members of a room that lacks them. Throws what reading the room throws. */
const withMembers = async (
  { timeline, wholeRooms }: Pick<RoomsDeps, 'timeline' | 'wholeRooms'>,
  roomId: RoomId,
  requester: Parameters<Timeline['mayRead']>[1],
): Promise<void> => {
  if (!(await wholeRooms.isPartial(roomId))) return
  await timeline.mayRead(roomId, requester)
  await wholeRooms.whole(roomId)
}
