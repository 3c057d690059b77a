import { Type } from 'typebox'
import type { ManageBlockedServers } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import type { JsonObject } from '#spec'
import { actorOf } from '../actor.ts'

export interface BlockedServersAdminDeps {
  readonly blockedServers: ManageBlockedServers
}

const PATH = '/_homeroom/admin/v1/blocked_servers'
const ServerPath = Type.Object({ server: Type.String({ maxLength: 255 }) })

/** The servers with which this one does not talk because an administrator wished so. */
export const blockedServersAdminEndpoints = ({ blockedServers }: BlockedServersAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [PATH],
    auth: admin(),
    rateLimit: 'read',
    handler: async (): Promise<JsonObject> => ({
      blocked_servers: blockedServers.servers().map(({ pattern, reason, addedBy, addedAtMs }) => ({
        ...{ server: pattern, reason: reason ?? null, added_by: addedBy, added_ts: addedAtMs },
      })),
    }),
  }),
  endpoint({
    method: 'PUT',
    paths: [`${PATH}/:server`],
    auth: admin(),
    rateLimit: 'other',
    params: ServerPath,
    body: Type.Object({ reason: Type.Optional(Type.String({ maxLength: 500 })) }),
    bodyOptional: true,
    handler: async ({ requester, params, body: { reason } }) => ({
      server: await blockedServers.block(actorOf(requester), params.server, reason),
    }),
  }),
  endpoint({
    method: 'DELETE',
    paths: [`${PATH}/:server`],
    auth: admin(),
    rateLimit: 'other',
    params: ServerPath,
    handler: async ({ requester, params }) => {
      await blockedServers.unblock(actorOf(requester), params.server)
      return {}
    },
  }),
]
