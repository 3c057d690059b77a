import Type from 'typebox'
import type { ThreadSubscriptions } from '#domain'
import { type AnyEndpoint, endpoint, user } from '#http'
import { MatrixError } from '#spec'
import { formatThreadChangesToken, parseThreadChangesToken, type ThreadChanges, type ThreadChangesText } from '#views'
import { roomIdOf } from '../own-user.ts'
import { eventIdOf } from '../room-path.ts'

export interface ThreadSubscriptionsDeps {
  readonly threadSubscriptions: Pick<ThreadSubscriptions, 'subscription' | 'subscribe' | 'unsubscribe'>
  readonly threadChanges: Pick<ThreadChanges, 'page'>
  readonly positions: { positions(): { readonly threadSubscriptions: number } }
  /** The position of the stream `threadSubscriptions` in a `pos` of sliding sync; undefined for a text that is none. */
  readonly ofSlidingPosition?: (pos: string) => number | undefined
}

/** matrix-rust-sdk (Element X) asks for these; there is no stable form yet. */
const SUBSCRIPTION = '/_matrix/client/unstable/io.element.msc4306/rooms/:roomId/thread/:rootId/subscription'
const LIST = '/_matrix/client/unstable/io.element.msc4308/thread_subscriptions'

const ThreadPath = Type.Object({ roomId: Type.String(), rootId: Type.String() })

type Listed = ThreadChangesText & { readonly end?: string }

/** MSC4306 and MSC4308. */
export const threadSubscriptionsEndpoints = (deps: ThreadSubscriptionsDeps): readonly AnyEndpoint[] => [
  ...subscriptionEndpoints(deps),
  listEndpoint(deps),
]

const subscriptionEndpoints = ({ threadSubscriptions }: ThreadSubscriptionsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [SUBSCRIPTION],
    auth: user(),
    rateLimit: 'read',
    params: ThreadPath,
    handler: async ({ requester, params }): Promise<{ automatic: boolean }> => ({
      automatic: await threadSubscriptions.subscription(requester, roomIdOf(params.roomId), eventIdOf(params.rootId)),
    }),
  }),
  endpoint({
    method: 'PUT',
    paths: [SUBSCRIPTION],
    auth: user(),
    rateLimit: 'other',
    params: ThreadPath,
    body: Type.Object({ automatic: Type.Optional(Type.String()) }),
    bodyOptional: true,
    handler: async ({ requester, params, body: { automatic } }) => {
      const cause = automatic === undefined ? undefined : eventIdOf(automatic)
      await threadSubscriptions.subscribe(requester, roomIdOf(params.roomId), eventIdOf(params.rootId), cause)
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: [SUBSCRIPTION],
    auth: user(),
    rateLimit: 'other',
    params: ThreadPath,
    handler: async ({ requester, params }) => {
      await threadSubscriptions.unsubscribe(requester, roomIdOf(params.roomId), eventIdOf(params.rootId))
      return {}
    },
  }),
]

const DEFAULT_LIMIT = 100

const listEndpoint = ({ threadChanges, positions, ofSlidingPosition }: ThreadSubscriptionsDeps): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: [LIST],
    auth: user(),
    rateLimit: 'read',
    query: Type.Object({
      dir: Type.Literal('b'),
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
    handler: async ({ requester, query: { from, to, limit = DEFAULT_LIMIT } }): Promise<Listed> => {
      const upTo = from === undefined ? positions.positions().threadSubscriptions : tokenOf('from', from)
      const after = to === undefined ? 0 : (ofSlidingPosition?.(to) ?? tokenOf('to', to))
      const { changes, restUpTo } = await threadChanges.page(requester.user, { after, upTo, limit })
      return { ...changes, ...(restUpTo === undefined ? {} : { end: formatThreadChangesToken(restUpTo) }) }
    },
  })

/** Throws `M_INVALID_PARAM`. */
const tokenOf = (name: string, text: string): number => {
  const position = parseThreadChangesToken(text)
  if (position === undefined) throw new MatrixError('M_INVALID_PARAM', `${name} is not a token of this list`)
  return position
}
