import Type from 'typebox'
import { type AnyEndpoint, endpoint, user } from '#http'
import type { ListConfig, RoomConfig, SlidingWish } from '#views'
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
  StateEntries,
  subscriptionsOf,
  TwoIndexes,
} from './sliding-sync-body.ts'

const Element = Type.Object({
  type: Type.Optional(Type.String({ maxLength: 255 })),
  state_key: Type.Optional(Type.String({ maxLength: 255 })),
})

const Config = {
  timeline_limit: Limit,
  required_state: Type.Object({
    include: Maybe(StateEntries(Element)),
    exclude: Maybe(StateEntries(Element)),
    lazy_members: Maybe(Type.Boolean()),
  }),
}

const List = Type.Object({
  ...Config,
  range: Maybe(TwoIndexes),
  filters: Maybe(Type.Object({ ...filterSchemas, is_invited: Maybe(Type.Boolean()) })),
})

const Subscription = Type.Object(Config)

const body = Type.Object({
  ...connectionSchemas(List, Subscription),
  pos: Maybe(Type.String({ maxLength: 8_192 })),
  timeout: Maybe(Type.Integer({ minimum: 0 })),
  set_presence: Maybe(Presence),
})

/** `POST /v4/sync`: sliding sync as MSC4186 has it. */
export const syncV4Endpoints = (deps: SlidingSyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_matrix/client/v4/sync'],
    auth: user({ guests: true }),
    rateLimit: 'unlimited',
    body,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    bodyOptional: true,
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ requester, body }) =>
      answerSliding(deps, requester, {
        wish: wishOf(body),
        pos: body.pos,
        timeout: body.timeout,
        setPresence: body.set_presence,
      }),
  }),
]

type ListOfBody = Type.Static<typeof List>
type ConfigOfBody = Type.Static<typeof Subscription>

/** The position is in the body, so no body comes twice. */
const wishOf = (wanted: Type.Static<typeof body>): SlidingWish => ({
  form: 'v4',
  connectionId: wanted.conn_id ?? '',
  lists: entriesOf(wanted.lists, MAX_LISTS, listOf),
  subscriptions: subscriptionsOf(wanted.room_subscriptions, configOf),
  extensions: wanted.extensions ?? {},
})

const listOf = ({ range, filters, ...config }: ListOfBody): ListConfig => ({
  ...configOf(config),
  ranges: range === undefined || range === null ? ALL_ROOMS : [rangeOf(range)],
  filters: filtersOf(filters, filters?.is_invited),
})

const configOf = ({
  timeline_limit,
  required_state: { include, exclude, lazy_members },
}: ConfigOfBody): RoomConfig => ({
  timelineLimit: timeline_limit,
  requiredState: {
    include: (include ?? []).map(patternOf),
    exclude: (exclude ?? []).map(patternOf),
    lazyMembers: lazy_members ?? false,
  },
})

const patternOf = ({ type, state_key }: Type.Static<typeof Element>) => ({ type, stateKey: state_key })
