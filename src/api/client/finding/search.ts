import Type from 'typebox'
import type { MessageIndexing } from '#domain'
import { type AnyEndpoint, endpoint, StreamedJson, user, v3 } from '#http'
import { SEARCHED_KEYS, type Search, searchAnswer } from '#views'

export interface SearchDeps {
  readonly search: Pick<Search, 'roomEvents'>
  readonly messageIndexing: Pick<MessageIndexing, 'caughtUp'>
}

/** The specification sets no limits; these are far beyond what anybody looks for. */
const MAX_TERM = 500
const MAX_CONTEXT = 20
const DEFAULT_CONTEXT = 5
const MAX_KEYS = 10

const ContextLimit = Type.Optional(Type.Integer({ minimum: 0 }))

const RoomEvents = Type.Object({
  search_term: Type.String({ maxLength: MAX_TERM }),
  keys: Type.Optional(Type.Array(Type.Enum([...SEARCHED_KEYS]), { maxItems: MAX_KEYS })),
  filter: Type.Optional(Type.Object({})),
  order_by: Type.Optional(Type.Enum(['rank', 'recent'])),
  event_context: Type.Optional(
    Type.Object({
      before_limit: ContextLimit,
      after_limit: ContextLimit,
      include_profile: Type.Optional(Type.Boolean()),
    }),
  ),
  include_state: Type.Optional(Type.Boolean()),
  groupings: Type.Optional(
    Type.Object({
      group_by: Type.Optional(
        Type.Array(Type.Object({ key: Type.Enum(['room_id', 'sender']) }), { maxItems: MAX_KEYS }),
      ),
    }),
  ),
})

const contextLimit = (limit = DEFAULT_CONTEXT): number => Math.min(limit, MAX_CONTEXT)

/** `search.yaml`. */
export const searchEndpoints = ({ search, messageIndexing }: SearchDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/search'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    query: Type.Object({ next_batch: Type.Optional(Type.String()) }),
    body: Type.Object({ search_categories: Type.Object({ room_events: Type.Optional(RoomEvents) }) }),
    handler: async ({ requester, query, body }) => {
      const wanted = body.search_categories.room_events
      if (wanted === undefined) return { search_categories: {} }
      const context = wanted.event_context
      const request = {
        term: wanted.search_term,
        keys: [...new Set(wanted.keys ?? SEARCHED_KEYS)],
        filter: JSON.stringify(wanted.filter ?? {}),
        order: wanted.order_by ?? 'rank',
        context:
          context === undefined
            ? undefined
            : {
                before: contextLimit(context.before_limit),
                after: contextLimit(context.after_limit),
                profiles: context.include_profile === true,
              },
        includeState: wanted.include_state === true,
        groupBy: [...new Set(wanted.groupings?.group_by?.map(({ key }) => key) ?? [])],
        nextBatch: query.next_batch || undefined,
      } as const
      const upTo = await messageIndexing.caughtUp()
      return new StreamedJson(searchAnswer(await search.roomEvents(request, requester, upTo)))
    },
  }),
]
