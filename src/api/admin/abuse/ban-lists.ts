import { Type } from 'typebox'
import type { ManageBanLists } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError, parseRoomId, parseServerName, type RoomId, type ServerName } from '#spec'
import { actorOf } from '../actor.ts'

export interface BanListsAdminDeps {
  readonly banLists: ManageBanLists
}

const PATH = '/_homeroom/admin/v1/ban_lists'
const RoomPath = Type.Object({ roomId: Type.String({ maxLength: 255 }) })
const MOST = 1_000

const roomIn = (roomId: string): RoomId => {
  const parsed = parseRoomId(roomId)
  if (parsed === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no room id')
  return parsed
}

const serverIn = (name: string): ServerName => {
  const parsed = parseServerName(name)
  if (parsed === undefined) throw new MatrixError('M_INVALID_PARAM', 'via holds names of servers')
  return parsed
}

/** The policy rooms that the server obeys. */
export const banListsAdminEndpoints = ({ banLists }: BanListsAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [PATH],
    auth: admin(),
    rateLimit: 'read',
    handler: async (): Promise<JsonObject> => ({
      ban_lists: banLists
        .lists()
        .map(({ roomId, addedBy, rules }) => ({ room_id: roomId, added_by: addedBy, rules: rules ?? null })),
    }),
  }),
  endpoint({
    method: 'PUT',
    paths: [`${PATH}/:roomId`],
    auth: admin(),
    rateLimit: 'other',
    params: RoomPath,
    body: Type.Object({ via: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 20 })) }),
    bodyOptional: true,
    handler: async ({ requester, params, body: { via = [] } }) => {
      await banLists.subscribe(actorOf(requester), roomIn(params.roomId), via.map(serverIn))
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: [`${PATH}/:roomId`],
    auth: admin(),
    rateLimit: 'other',
    params: RoomPath,
    handler: async ({ requester, params }) => {
      await banLists.unsubscribe(actorOf(requester), roomIn(params.roomId))
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: [`${PATH}/:roomId/rules`],
    auth: admin(),
    rateLimit: 'read',
    params: RoomPath,
    query: Type.Object({
      from: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST })),
    }),
    handler: async ({ params, query: { from = 0, limit = MOST } }): Promise<JsonObject> => {
      const rules = banLists.rulesOf(roomIn(params.roomId), from, limit)
      return {
        rules: rules.map(({ kind, entity, reason }) => ({ kind, entity, reason: reason ?? null })),
        ...(rules.length < limit ? {} : { next_token: from + limit }),
      }
    },
  }),
]
