import type { EventId, RoomId } from '#spec'
import type { DelayAnswer, DelayOutcome } from '../../ports/timed/delayed-events.ts'
import { queriesOver, type Tx, type UserTables } from '../engine/index.ts'

export interface DelayedEventTables extends UserTables {
  readonly delayed_events: {
    readonly delay_id: string
    readonly user_number: number
    readonly device: number
    readonly transaction_key: string | null
    readonly room_id: RoomId
    readonly type: string
    readonly state_key: string | null
    readonly content_json: string
    readonly sticky_ms: number | null
    readonly delay_ms: number
    readonly scheduled_at_ms: number
    readonly due_at_ms: number
    readonly after_position: number
    readonly size_bytes: number
    readonly finalised_at_ms: number | null
    readonly finalised_bytes: number | null
    readonly event_id: EventId | null
    readonly error_json: string | null
  }
  readonly delayed_event_totals: {
    readonly user_number: number
    readonly scheduled: number
    readonly scheduled_bytes: number
    readonly finalised_bytes: number
  }
}

export const query = queriesOver<DelayedEventTables>()

export const standOf = query((db, param: { delayId: string }) =>
  db
    .selectFrom('delayed_events')
    .select(['user_number', 'due_at_ms', 'delay_ms', 'size_bytes', 'finalised_at_ms', 'event_id', 'error_json'])
    .where('delay_id', '=', param.delayId),
)
export const totalsOf = query((db, param: { user: number }) =>
  db.selectFrom('delayed_event_totals').selectAll().where('user_number', '=', param.user),
)
const setFinalised = query(
  (db, param: { delayId: string; atMs: number; bytes: number; eventId: EventId | null; errorJson: string | null }) =>
    db
      .updateTable('delayed_events')
      .set({
        finalised_at_ms: param.atMs,
        finalised_bytes: param.bytes,
        event_id: param.eventId,
        error_json: param.errorJson,
      })
      .where('delay_id', '=', param.delayId),
)
export const setTotals = query(
  (db, param: { user: number; scheduled: number; scheduledBytes: number; finalisedBytes: number }) =>
    db
      .insertInto('delayed_event_totals')
      .values({
        user_number: param.user,
        scheduled: param.scheduled,
        scheduled_bytes: param.scheduledBytes,
        finalised_bytes: param.finalisedBytes,
      })
      .onConflict((on) =>
        on.column('user_number').doUpdateSet({
          scheduled: param.scheduled,
          scheduled_bytes: param.scheduledBytes,
          finalised_bytes: param.finalisedBytes,
        }),
      ),
)
const forgetOldest = query((db, param: { user: number; upToBytes: number }) =>
  db
    .deleteFrom('delayed_events')
    .where('user_number', '=', param.user)
    .where('finalised_at_ms', 'is not', null)
    .where('finalised_bytes', '<=', param.upToBytes),
)

/** "Up to 7 days or 1000 events per user" (MSC4140): a small one counts as so many bytes, and all that are kept of a user have a thousand times as many. */
const LEAST_BYTES = 4_096
const KEPT_BYTES = 1_000 * LEAST_BYTES

type Stand = NonNullable<Awaited<ReturnType<typeof standIn>>>
const standIn = (tx: Tx, delayId: string) => tx.first(standOf, { delayId })

/** The state of a delayed event, for the answer to whoever wants to change it. */
export const answerOf = (
  stand: Pick<Stand, 'due_at_ms' | 'finalised_at_ms' | 'event_id' | 'error_json'>,
): DelayAnswer => {
  if (stand.finalised_at_ms === null) return { kind: 'scheduled', dueAtMs: stand.due_at_ms }
  if (stand.event_id !== null) return { kind: 'sent' }
  return { kind: stand.error_json === null ? 'cancelled' : 'failed' }
}

/** Finalises a delayed event that is still scheduled. Returns how it stands then; what was finalised before stays as it is. */
export const finaliseIn = async (
  tx: Tx,
  delayId: string,
  {
    atMs,
    outcome,
    ofUser,
  }: { readonly atMs: number; readonly outcome: DelayOutcome; readonly ofUser?: number | undefined },
): Promise<{ readonly answer: DelayAnswer; readonly isNew: boolean }> => {
  const stand = await standIn(tx, delayId)
  if (stand === undefined || (ofUser !== undefined && stand.user_number !== ofUser))
    return { answer: { kind: 'unknown' }, isNew: false }
  if (stand.finalised_at_ms !== null) return { answer: answerOf(stand), isNew: false }
  const { user_number: user, size_bytes: size } = stand
  const totals = await tx.first(totalsOf, { user })
  const bytes = (totals?.finalised_bytes ?? 0) + Math.max(LEAST_BYTES, size)
  const eventId = outcome.kind === 'sent' ? outcome.eventId : null
  const errorJson = outcome.kind === 'failed' ? outcome.errorJson : null
  await tx.run(setFinalised, { delayId, atMs, bytes, eventId, errorJson })
  await tx.run(setTotals, {
    user,
    scheduled: (totals?.scheduled ?? 1) - 1,
    scheduledBytes: (totals?.scheduled_bytes ?? size) - size,
    finalisedBytes: bytes,
  })
  await tx.run(forgetOldest, { user, upToBytes: bytes - KEPT_BYTES })
  return { answer: { kind: outcome.kind }, isNew: true }
}
