import Type, { type Static } from 'typebox'
import type { Inboxes } from '#domain'
import { type AnyEndpoint, endpoint, nowOrLater, sinceV2, user } from '#http'
import type { Sync, SyncRequest } from '#views'

export interface SyncDeps {
  readonly sync: Sync
  readonly inboxes: Pick<Inboxes, 'acknowledge'>
  readonly filters: { resolve(user: number, filter: string): Promise<SyncRequest['filter']> }
  /** Marks a user as present while the request lasts; the returned function ends it. */
  readonly presence: {
    syncing(
      owner: { readonly user: number; readonly userId: string; readonly device?: number | undefined },
      state: 'online' | 'unavailable' | 'offline',
    ): Promise<() => void>
  }
}

/** The longest wait; clients usually ask for 30 s. */
const MAX_TIMEOUT_MS = 180_000
const NO_FILTER = '{}'

const query = Type.Object({
  filter: Type.Optional(Type.String({ maxLength: 65_536 })),
  since: Type.Optional(Type.String({ maxLength: 500 })),
  full_state: Type.Optional(Type.Boolean()),
  set_presence: Type.Optional(Type.Enum(['online', 'unavailable', 'offline'])),
  timeout: Type.Optional(Type.Integer({ minimum: 0 })),
  // Since v1.16, and its name before that, which matrix-js-sdk (Element) sends always.
  use_state_after: Type.Optional(Type.Boolean()),
  'org.matrix.msc4222.use_state_after': Type.Optional(Type.Boolean()),
})

type Query = Static<typeof query>

const stateSectionOf = ({
  use_state_after: stable,
  'org.matrix.msc4222.use_state_after': unstable,
}: Query): SyncRequest['stateSection'] => {
  if (stable === true) return 'state_after'
  return unstable === true ? 'org.matrix.msc4222.state_after' : 'state'
}

/**
 * `GET /sync` (section "Syncing"). Events have today's form under `v2_alpha` too: the old form is that of the first version, which had no
 * sync.
 */
export const syncEndpoints = ({ sync, inboxes, filters, presence }: SyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV2('/sync'),
    auth: user({ guests: true }),
    rateLimit: 'unlimited',
    query,
    handler: async ({ requester, query }) => {
      const since = query.since === undefined ? undefined : await sync.since(query.since)
      const filter = await filters.resolve(requester.user, query.filter || NO_FILTER)
      if (since !== undefined) await inboxes.acknowledge(requester, since.toDevice)
      const over = await presence.syncing(requester, query.set_presence ?? 'online')
      const { userId, user, device } = requester
      const begin = () =>
        sync.sync({
          syncer: { userId, user, device },
          since,
          filter,
          fullState: query.full_state ?? false,
          stateSection: stateSectionOf(query),
          timeoutMs: Math.min(query.timeout ?? 0, MAX_TIMEOUT_MS),
        })
      return nowOrLater(begin, over)
    },
  }),
]
