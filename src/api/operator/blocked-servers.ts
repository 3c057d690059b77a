import { Type } from 'typebox'
import type { ManageBlockedServers } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { OPERATOR } from './operator.ts'

export interface OperatorBlockedServersDeps {
  readonly blockedServers: ManageBlockedServers
}

/** The operator's commands over the servers with which this one does not talk. */
export const operatorBlockedServersEndpoints = ({
  blockedServers,
}: OperatorBlockedServersDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/list-blocked-servers'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({}),
    handler: async () => ({
      servers: blockedServers.servers().map(({ pattern, reason, addedBy, addedAtMs }) => ({
        ...{ server: pattern, added_by: addedBy, added_ts: addedAtMs },
        ...(reason === undefined ? {} : { reason }),
      })),
    }),
  }),
  endpoint({
    method: 'POST',
    paths: ['/set-server-blocked'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({
      server: Type.String({ maxLength: 255 }),
      blocked: Type.Boolean(),
      reason: Type.Optional(Type.String({ maxLength: 500 })),
    }),
    handler: async ({ body: { server, blocked, reason } }) => {
      if (blocked) return { server: await blockedServers.block(OPERATOR, server, reason) }
      await blockedServers.unblock(OPERATOR, server)
      return { server }
    },
  }),
]
