import Type, { type Static } from 'typebox'
import type { DelayedEvents, Presence, Sending, ShadowIds, Transaction } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, type Requester, sinceV1, user } from '#http'
import { type JsonObject, MatrixError, type RoomId, stringAt } from '#spec'
import { AnyObject, mindSuspended, roomIdOf, TIME_QUERY, timeIn } from '../own-user.ts'
import { eventIdOf, plainText, type SentEvent, transactionOf } from '../room-path.ts'
import { DELAY_QUERY, type Scheduled, STICKY_QUERY, scheduleEvent } from './delayed-events.ts'
import { mindSuspendedRedaction } from './redaction.ts'

export interface RoomSendDeps {
  readonly sending: Pick<Sending, 'message' | 'redact' | 'isOf'>
  readonly delayedEvents: Pick<DelayedEvents, 'schedule'>
  readonly presence: Pick<Presence, 'active'>
  readonly shadowIds: ShadowIds
  readonly newSecret: () => string
}

interface NewMessage {
  readonly roomId: RoomId
  readonly type: string
  readonly content: JsonObject
  readonly transaction: Transaction | undefined
  /** undefined: it is sent now. */
  readonly delayMs: number | undefined
  readonly stickyMs: number | undefined
  /** undefined: now. */
  readonly originServerTs: number | undefined
}

const SendQuery = Type.Object({ ...DELAY_QUERY, ...STICKY_QUERY, ...TIME_QUERY })

const timesIn = (
  requester: Requester,
  query: Static<typeof SendQuery>,
): Pick<NewMessage, 'delayMs' | 'stickyMs' | 'originServerTs'> => ({
  originServerTs: timeIn(requester, query),
  delayMs: query['org.matrix.msc4140.delay'],
  stickyMs: query['org.matrix.msc4354.sticky_duration_ms'],
})

/** An event that waits is judged when its time comes. */
const isDelayed = (query: Static<typeof SendQuery>): boolean => query['org.matrix.msc4140.delay'] !== undefined

const FEEDBACK = 'm.room.message.feedback'

/** The two kinds of feedback that the events of 2015 know. Throws `M_BAD_JSON`. */
const checkFeedback = ({ type, target_event_id: target }: JsonObject): void => {
  if ((type !== 'delivered' && type !== 'read') || typeof target !== 'string')
    throw new MatrixError('M_BAD_JSON', 'Feedback has the type "delivered" or "read", and a target_event_id')
}

/**
 * `room_send.yaml`, and `POST` without a transaction id, which was in the specification until 2015 and is still used. Guests may send
 * events of any type (module "Guest access").
 */
export const roomSendEndpoints = (deps: RoomSendDeps): readonly AnyEndpoint[] => {
  const { sending, presence, delayedEvents, shadowIds, newSecret } = deps
  const send = async (requester: Requester, message: NewMessage): Promise<SentEvent | Scheduled> => {
    const { userId: sender } = requester
    const { roomId, type, content, transaction, delayMs, stickyMs, originServerTs } = message
    if (delayMs !== undefined)
      return scheduleEvent(delayedEvents, requester, { ...message, delayMs, stateKey: undefined })
    mindSuspended(requester, type === 'm.room.redaction')
    presence.active(sender)
    if (type !== 'm.room.redaction')
      return {
        event_id: await sending.message(roomId, { type, sender, content, transaction, stickyMs, originServerTs }),
      }
    // The target is read from the content, its place since room version 11, and stored where the room's version has it.
    const { redacts: _, ...rest } = content
    const target = stringAt(content, 'redacts')
    if (target === undefined) throw new MatrixError('M_MISSING_PARAM', 'A redaction names the event that it redacts')
    await mindSuspendedRedaction(sending, requester, eventIdOf(target))
    return { event_id: await sending.redact(roomId, sender, eventIdOf(target), rest, transaction) }
  }
  return [
    endpoint({
      method: 'PUT',
      paths: sinceV1('/rooms/:roomId/send/:eventType/:txnId'),
      auth: user({ guests: true }),
      rateLimit: 'message',
      params: Type.Object({ roomId: Type.String(), eventType: Type.String(), txnId: Type.String({ maxLength: 255 }) }),
      query: SendQuery,
      body: AnyObject,
      toShadowBanned: ({ requester, params: { roomId, eventType, txnId }, query }) =>
        isDelayed(query)
          ? undefined
          : { event_id: shadowIds.eventId(String(requester.device), roomId, eventType, txnId) },
      handler: async ({ requester, params, query, body: content, path }) => {
        const roomId = roomIdOf(params.roomId)
        const type = plainText(params.eventType)
        if (type === FEEDBACK && isOldPath(path)) checkFeedback(content)
        const transaction = transactionOf(requester, ['send', roomId, type], params.txnId)
        return send(requester, { roomId, type, content, transaction, ...timesIn(requester, query) })
      },
    }),
    endpoint({
      method: 'POST',
      paths: sinceV1('/rooms/:roomId/send/:eventType'),
      auth: user({ guests: true }),
      rateLimit: 'message',
      params: Type.Object({ roomId: Type.String(), eventType: Type.String() }),
      query: SendQuery,
      body: AnyObject,
      toShadowBanned: ({ query }) => (isDelayed(query) ? undefined : { event_id: shadowIds.eventId(newSecret()) }),
      handler: async ({ requester, params, query, body: content, path }) => {
        const type = plainText(params.eventType)
        if (type === FEEDBACK && isOldPath(path)) checkFeedback(content)
        return send(requester, {
          roomId: roomIdOf(params.roomId),
          type,
          content,
          transaction: undefined,
          ...timesIn(requester, query),
        })
      },
    }),
  ]
}
