import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, v3 } from '#http'
import type { CompiledFilter } from '#rules'
import { MatrixError } from '#spec'
import { type Positions, parseSyncToken } from '#streams'
import type { Sync } from '#views'

export interface SyncDeps {
  readonly sync: Sync
  readonly filters: { resolve(user: number, filter: string): Promise<CompiledFilter> }
  /** Tells the domain that a user is there as long as the request lasts; answers what ends it. */
  readonly presence: {
    syncing(
      owner: { readonly user: number; readonly userId: string; readonly device?: number | undefined },
      state: 'online' | 'unavailable' | 'offline',
    ): Promise<() => void>
  }
  readonly streams: { positions(): Positions }
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

/** `GET /sync` (section "Syncing"). */
export const syncEndpoints = ({ sync, filters, presence, streams }: SyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/sync'),
    auth: 'guest',
    rateLimit: 'unlimited',
    query,
    handler: async ({ requester, query, signal }) => {
      const since = query.since === undefined ? undefined : parseSince(query.since, streams.positions())
      const filter = await filters.resolve(requester.user, query.filter || NO_FILTER)
      const over = await presence.syncing(requester, query.set_presence ?? 'online')
      try {
        const { userId, user, device } = requester
        const text = await sync.sync({
          syncer: { userId, user, device },
          since,
          filter,
          fullState: query.full_state ?? false,
          timeoutMs: Math.min(query.timeout ?? 0, MAX_TIMEOUT_MS),
          signal,
        })
        return new RawJson(text)
      } finally {
        over()
      }
    },
  }),
]

/** A token of ours never lies ahead of what is durable; one that does is of another server or of a lost database. */
const parseSince = (text: string, now: Positions): Positions => {
  const since = parseSyncToken(text)
  if (since === undefined) throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this server')
  if (since.events > now.events || since.accountData > now.accountData || since.receipts > now.receipts)
    throw new MatrixError('M_INVALID_PARAM', 'since lies ahead of this server')
  return since
}
