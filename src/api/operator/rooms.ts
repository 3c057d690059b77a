import { Type } from 'typebox'
import type { AdminActor, AdministerRooms, BlockedRooms } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { type JsonObject, MatrixError, parseRoomId, parseUserId, type RoomId } from '#spec'
import { type AdminRoomDetails, type AdminRoomList, overviewJson } from '#views'

export interface OperatorRoomsDeps {
  readonly administerRooms: Pick<AdministerRooms, 'setBlocked' | 'delete' | 'purgeHistory'>
  readonly roomList: Pick<AdminRoomList, 'page'>
  readonly roomDetails: Pick<AdminRoomDetails, 'details'>
  readonly blockedRooms: Pick<BlockedRooms, 'find'>
}

const PAGE = 500
const OPERATOR: AdminActor = { by: 'operator', via: 'command' }
const Room = Type.String({ minLength: 1, maxLength: 300 })
const common = { method: 'POST', auth: none(), rateLimit: 'unlimited' } as const

/** Throws `M_INVALID_PARAM`. */
const roomIdIn = (text: string): RoomId => {
  const roomId = parseRoomId(text)
  if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', `${text} is no room ID`)
  return roomId
}

/** The rooms of the server, for whoever runs it. */
export const operatorRoomsEndpoints = (deps: OperatorRoomsDeps): readonly AnyEndpoint[] => [
  endpoint({
    ...common,
    paths: ['/list-rooms'],
    body: Type.Object({ from: Type.Integer({ minimum: 0 }), search: Type.Optional(Type.String({ maxLength: 255 })) }),
    handler: async ({ body: { from, search: term } }): Promise<JsonObject> => {
      const page = await deps.roomList.page({ order: 'name', reversed: false, offset: from, limit: PAGE, term })
      const next = from + page.rooms.length
      return { rooms: page.rooms.map(overviewJson), ...(next < page.total && next > from ? { next } : {}) }
    },
  }),
  endpoint({
    ...common,
    paths: ['/show-room'],
    body: Type.Object({ room: Room }),
    handler: async ({ body }): Promise<JsonObject> => {
      const roomId = roomIdIn(body.room)
      const details = await deps.roomDetails.details(roomId)
      return { ...details, blocked: (await deps.blockedRooms.find(roomId)) !== undefined }
    },
  }),
  endpoint({
    ...common,
    paths: ['/set-room-blocked'],
    body: Type.Object({ room: Room, blocked: Type.Boolean() }),
    handler: async ({ body: { room, blocked } }): Promise<JsonObject> => {
      await deps.administerRooms.setBlocked(roomIdIn(room), blocked, OPERATOR)
      return { room_id: room, blocked }
    },
  }),
  endpoint({
    ...common,
    paths: ['/delete-room'],
    body: Type.Object({
      room: Room,
      block: Type.Boolean(),
      message: Type.Optional(Type.String({ maxLength: 30_000 })),
      new_room_user: Type.Optional(Type.String({ maxLength: 255 })),
    }),
    handler: async ({ body }): Promise<JsonObject> => {
      const { room, block, message, new_room_user: speaker } = body
      const newRoomUserId = speaker === undefined ? undefined : parseUserId(speaker)
      if (speaker !== undefined && newRoomUserId === undefined)
        throw new MatrixError('M_INVALID_PARAM', `${speaker} is no user ID`)
      const wish = { block, message, newRoomUserId }
      return { room_id: room, job: await deps.administerRooms.delete(roomIdIn(room), wish, OPERATOR) }
    },
  }),
  endpoint({
    ...common,
    paths: ['/purge-room-history'],
    body: Type.Object({ room: Room, before_ts: Type.Integer({ minimum: 0 }), local: Type.Boolean() }),
    handler: async ({ body: { room, before_ts: atMs, local } }): Promise<JsonObject> => ({
      room_id: room,
      job: await deps.administerRooms.purgeHistory(roomIdIn(room), { atMs }, local, OPERATOR),
    }),
  }),
]
