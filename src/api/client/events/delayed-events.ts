import Type from 'typebox'
import type { DelayAction, DelayedEvents } from '#domain'
import { type AnyEndpoint, endpoint, optional, type Requester, user, v1Only, v3 } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { AnyObject, mindSuspended, roomIdOf } from '../own-user.ts'
import { plainText, transactionOf } from '../room-path.ts'

export interface DelayedEventsDeps {
  readonly delayedEvents: Pick<DelayedEvents, 'schedule' | 'manage' | 'one' | 'scheduled'>
}

/** Element Call and matrix-js-sdk use these names, as the proposal is not in the specification yet. */
const UNSTABLE = '/_matrix/client/unstable/org.matrix.msc4140'

/** An hour. */
const MAX_STICKY_MS = 3_600_000

export type Scheduled = { readonly delay_id: string }

/**
 * The query by which Element Call delays what it sends with `/send` and `/state`. A delay that could not be kept must be refused: ignored, it would send
 * the end of a call at its beginning.
 */
export const DELAY_QUERY = {
  'org.matrix.msc4140.delay': Type.Optional(Type.Integer({ minimum: 1 })),
  'org.matrix.msc4140.parent_delay_id': Type.Optional(Type.Never()),
} as const

/** The query by which Element Call makes an event sticky, with `/send` and `/state` (MSC4354). */
export const STICKY_QUERY = {
  'org.matrix.msc4354.sticky_duration_ms': Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_STICKY_MS })),
} as const

/** A request to `/send` or `/state`, or to the endpoint of the proposal. */
export interface DelayedRequest {
  readonly delayMs: number
  readonly roomId: string
  readonly type: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly transaction: { readonly scope: string; readonly id: string } | undefined
  readonly stickyMs?: number | undefined
}

/** Throws what `DelayedEvents.schedule` throws, and `M_USER_SUSPENDED`. */
export const scheduleEvent = async (
  delayedEvents: Pick<DelayedEvents, 'schedule'>,
  requester: Requester,
  { transaction, roomId, type, stateKey, stickyMs, ...rest }: DelayedRequest,
): Promise<Scheduled> => {
  mindSuspended(requester, false)
  const delayId = await delayedEvents.schedule({
    ...rest,
    user: requester.user,
    device: requester.device,
    transactionKey: transaction === undefined ? undefined : `${transaction.scope} ${transaction.id}`,
    roomId: roomIdOf(roomId),
    type: plainText(type),
    stateKey: stateKey === undefined ? undefined : plainText(stateKey),
    stickyMs,
  })
  return { delay_id: delayId }
}

/** MSC4140. */
export const delayedEventsEndpoints = (deps: DelayedEventsDeps): readonly AnyEndpoint[] => [
  schedulingEndpoint(deps),
  ...readingEndpoints(deps),
  ...managingEndpoints(deps),
]

const schedulingEndpoint = ({ delayedEvents }: DelayedEventsDeps): AnyEndpoint =>
  endpoint({
    method: 'PUT',
    paths: [
      v3('/rooms/:roomId/delayed_event/:eventType/:txnId')[0],
      `${UNSTABLE}/rooms/:roomId/delayed_event/:eventType/:txnId`,
    ],
    auth: user({ guests: true }),
    rateLimit: 'message',
    params: Type.Object({ roomId: Type.String(), eventType: Type.String(), txnId: Type.String({ maxLength: 255 }) }),
    body: Type.Object({
      delay_ms: Type.Integer({ minimum: 1 }),
      state_key: Type.Optional(Type.String()),
      content: AnyObject,
    }),
    handler: async ({ requester, params: { roomId, eventType, txnId }, body }): Promise<Scheduled> => {
      const { delay_ms: delayMs, state_key: stateKey, content } = body
      const transaction = transactionOf(requester, ['delayed_event', roomIdOf(roomId), eventType], txnId)
      return scheduleEvent(delayedEvents, requester, {
        ...{ delayMs, roomId, stateKey, content, transaction },
        type: eventType,
      })
    },
  })

const DelayPath = Type.Object({ delayId: Type.String() })

const readingEndpoints = ({ delayedEvents }: DelayedEventsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [...v1Only('/delayed_events'), `${UNSTABLE}/delayed_events`],
    auth: user({ guests: true }),
    rateLimit: 'read',
    handler: async ({ requester, path }) => {
      const scheduled = await delayedEvents.scheduled(requester.user)
      return { delayed_events: scheduled.map((event) => shown(event, path)) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: [...v1Only('/delayed_events/:delayId'), `${UNSTABLE}/delayed_events/:delayId`],
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: DelayPath,
    handler: async ({ requester, params, path }) =>
      shown(await delayedEvents.one(requester.user, params.delayId), path),
  }),
]

const ACTIONS = ['send', 'cancel', 'restart'] as const satisfies readonly DelayAction[]

const managingEndpoints = ({ delayedEvents }: DelayedEventsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v1Only('/delayed_events/:delayId/:action'),
    auth: user({ guests: true }),
    rateLimit: 'other',
    params: Type.Object({ delayId: Type.String(), action: Type.String() }),
    handler: async ({ requester, params }) => {
      await delayedEvents.manage(params.delayId, actionIn(params.action), requester.user)
      return {}
    },
  }),
  // Before, the id alone was the credential: matrix-js-sdk sends the second form without an access token, and services that watch over calls send both so.
  endpoint({
    method: 'POST',
    paths: [`${UNSTABLE}/delayed_events/:delayId/:action`],
    auth: optional(),
    rateLimit: 'other',
    params: Type.Object({ delayId: Type.String(), action: Type.String() }),
    handler: async ({ params }) => {
      await delayedEvents.manage(params.delayId, actionIn(params.action), undefined)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: [`${UNSTABLE}/delayed_events/:delayId`],
    auth: optional(),
    rateLimit: 'other',
    params: DelayPath,
    body: Type.Object({ action: Type.Enum([...ACTIONS]) }),
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ params, body }) => {
      await delayedEvents.manage(params.delayId, actionIn(body.action), undefined)
      return {}
    },
  }),
]

/** Throws `M_UNRECOGNIZED`, as for any other path that there is not. */
const actionIn = (text: string): DelayAction => {
  const action = ACTIONS.find((known) => known === text)
  if (action === undefined) throw new MatrixError('M_UNRECOGNIZED', 'Unrecognized request')
  return action
}

type Event = Awaited<ReturnType<DelayedEvents['one']>>

/** With the two members of the form that clients read, under its paths. */
const shown = (event: Event, path: string): JsonObject => {
  const { delayId, roomId, type, stateKey, delayMs, scheduledAtMs, contentJson, finalised } = event
  const isOld = path.startsWith(UNSTABLE)
  return {
    delay_id: delayId,
    room_id: roomId,
    type,
    ...(stateKey === undefined ? {} : { state_key: stateKey }),
    delay_ms: delayMs,
    scheduled_at: scheduledAtMs,
    ...(isOld ? { delay: delayMs, running_since: scheduledAtMs } : {}),
    content: JSON.parse(contentJson) as JsonObject,
    ...(finalised === undefined ? {} : endOf(finalised)),
  }
}

const endOf = ({ atMs, outcome }: NonNullable<Event['finalised']>): JsonObject => ({
  finalised_ts: atMs,
  ...(outcome.kind === 'sent' ? { event_id: outcome.eventId } : {}),
  ...(outcome.kind === 'failed' ? { error: JSON.parse(outcome.errorJson) as JsonObject } : {}),
})
