import Type from 'typebox'
import { type AnyEndpoint, endpoint, user } from '#http'
import { type ListConfig, OWN_KEY, type RoomConfig, type WantedState } from '#views'
import { answerSliding, BODY_LIMIT_BYTES, type SlidingSyncDeps } from './sliding-sync.ts'
import {
  ALL_ROOMS,
  connectionSchemas,
  entriesOf,
  filterSchemas,
  filtersOf,
  Limit,
  MAX_LISTS,
  Maybe,
  Presence,
  rangeOf,
  readOnce,
  StateEntries,
  subscriptionsOf,
  TwoIndexes,
} from './sliding-sync-body.ts'

const Config = {
  timeline_limit: Maybe(Limit),
  required_state: Maybe(StateEntries(Type.Array(Type.String({ maxLength: 255 }), { minItems: 2, maxItems: 2 }))),
}

const List = Type.Object({
  ...Config,
  ranges: Maybe(Type.Array(TwoIndexes, { maxItems: 10 })),
  slow_get_all_rooms: Maybe(Type.Boolean()),
  filters: Maybe(
    Type.Object({
      ...filterSchemas,
      is_invite: Maybe(Type.Boolean()),
      room_name_like: Maybe(Type.String({ maxLength: 255 })),
    }),
  ),
})

const Subscription = Type.Object(Config)

const body = Type.Object({
  ...connectionSchemas(List, Subscription),
  txn_id: Maybe(Type.String({ maxLength: 255 })),
})

const query = Type.Object({
  pos: Type.Optional(Type.String({ maxLength: 8_192 })),
  timeout: Type.Optional(Type.Integer({ minimum: 0 })),
  set_presence: Type.Optional(Presence),
})

/** The number of events in a room whose request names none. */
const DEFAULT_TIMELINE_LIMIT = 10

/** `POST …/org.matrix.simplified_msc3575/sync`: sliding sync as Element X and matrix-js-sdk send it. */
export const simplifiedMsc3575Endpoints = (deps: SlidingSyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'],
    auth: user({ guests: true }),
    rateLimit: 'unlimited',
    query,
    body,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    bodyOptional: true,
    repeats: true,
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ requester, query, body }) =>
      answerSliding(deps, requester, {
        wish: wishOf(body),
        // Clients without a position may send an empty one.
        pos: query.pos || undefined,
        timeout: query.timeout,
        setPresence: query.set_presence,
      }),
  }),
]

type ListOfBody = Type.Static<typeof List>
type ConfigOfBody = Type.Static<typeof Subscription>

const wishOf = readOnce((wanted: Type.Static<typeof body>) => ({
  form: 'legacy',
  connectionId: wanted.conn_id ?? '',
  lists: entriesOf(wanted.lists, MAX_LISTS, listOf),
  subscriptions: subscriptionsOf(wanted.room_subscriptions, configOf),
  extensions: wanted.extensions ?? {},
  txnId: wanted.txn_id ?? undefined,
}))

const listOf = ({ ranges, slow_get_all_rooms, filters, ...config }: ListOfBody): ListConfig => ({
  ...configOf(config),
  ranges: slow_get_all_rooms === true || ranges === undefined || ranges === null ? ALL_ROOMS : ranges.map(rangeOf),
  filters: {
    ...filtersOf(filters, filters?.is_invite),
    nameLike: filters?.room_name_like?.toLowerCase(),
  },
})

const configOf = ({ timeline_limit, required_state }: ConfigOfBody): RoomConfig => ({
  timelineLimit: timeline_limit ?? DEFAULT_TIMELINE_LIMIT,
  requiredState: requiredStateOf(required_state ?? []),
})

/** State keys have three words of their own: `*` for all, `$ME`, and for members `$LAZY`. */
const requiredStateOf = (entries: readonly (readonly string[])[]): WantedState => ({
  include: entries
    .filter((entry) => !isLazy(entry))
    .map(([type, stateKey]) => ({
      type: type === '*' ? undefined : type,
      stateKey: stateKey === '*' ? undefined : stateKey === '$ME' ? OWN_KEY : stateKey,
    })),
  exclude: [],
  lazyMembers: entries.some(isLazy),
})

const isLazy = ([type, stateKey]: readonly string[]): boolean => type === 'm.room.member' && stateKey === '$LAZY'
