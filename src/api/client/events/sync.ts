import Type from 'typebox'
import { type AnyEndpoint, endpoint, nowOrLater, sinceV2, user } from '#http'
import type { Sync, SyncRequest } from '#views'

export interface SyncDeps {
  readonly sync: Sync
  readonly filters: { resolve(user: number, filter: string): Promise<SyncRequest['filter']> }
  /** Tells the domain that a user is there as long as the request lasts; answers what ends it. */
  readonly presence: {
    syncing(
      owner: { readonly user: number; readonly userId: string; readonly device?: number | undefined },
      state: 'online' | 'unavailable' | 'offline',
    ): Promise<() => void>
  }
}

/** Clients ask for 30 s; nobody may hold a connection for longer than this. */
const MAX_TIMEOUT_MS = 180_000
const NO_FILTER = '{}'

const query = Type.Object({
  filter: Type.Optional(Type.String({ maxLength: 65_536 })),
  since: Type.Optional(Type.String({ maxLength: 200 })),
  full_state: Type.Optional(Type.Boolean()),
  set_presence: Type.Optional(Type.Enum(['online', 'unavailable', 'offline'])),
  timeout: Type.Optional(Type.Integer({ minimum: 0 })),
  // Of v1.16 and later: state as of after the timeline. Not served; clients find the answer without `state_after`.
  use_state_after: Type.Optional(Type.Boolean()),
})

/**
 * `GET /sync` (section "Syncing"). Under `v2_alpha` too, in the form of today: the old event form is that of the first version, which
 * knew no sync.
 */
export const syncEndpoints = ({ sync, filters, presence }: SyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV2('/sync'),
    auth: user({ guests: true }),
    rateLimit: 'unlimited',
    query,
    handler: async ({ requester, query }) => {
      const since = query.since === undefined ? undefined : sync.since(query.since)
      const filter = await filters.resolve(requester.user, query.filter || NO_FILTER)
      const over = await presence.syncing(requester, query.set_presence ?? 'online')
      const { userId, user, device } = requester
      const begin = () =>
        sync.sync({
          syncer: { userId, user, device },
          since,
          filter,
          fullState: query.full_state ?? false,
          timeoutMs: Math.min(query.timeout ?? 0, MAX_TIMEOUT_MS),
        })
      return nowOrLater(begin, over)
    },
  }),
]
