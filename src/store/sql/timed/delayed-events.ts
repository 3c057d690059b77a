import type { RoomId, UserId } from '#spec'
import type {
  DelayAdded,
  DelayAnswer,
  DelayedEntry,
  DelayedEvent,
  DelayedEventsReader,
  DelayedEventsWriter,
  DelayLimits,
  DelayOutcome,
  NewDelayedEvent,
} from '../../ports/timed/delayed-events.ts'
import { type Db, defineWrite, insertInto, type Tx } from '../engine/index.ts'
import {
  answerOf,
  type DelayedEventTables,
  finaliseIn,
  query,
  setTotals,
  standOf,
  totalsOf,
} from './delayed-events-tables.ts'

const insertDelayed = insertInto('delayed_events', {
  delay_id: 'text',
  user_number: 'integer',
  device: 'integer',
  transaction_key: 'text?',
  room_id: 'text',
  type: 'text',
  state_key: 'text?',
  content_json: 'text',
  sticky_ms: 'integer?',
  delay_ms: 'integer',
  scheduled_at_ms: 'integer',
  due_at_ms: 'integer',
  after_position: 'integer',
  size_bytes: 'integer',
})
const ofTransaction = query((db, param: { device: number; key: string }) =>
  db
    .selectFrom('delayed_events')
    .select(['delay_id', 'due_at_ms'])
    .where('device', '=', param.device)
    .where('transaction_key', '=', param.key),
)
const nextDueOf = query((db, param: { user: number }) =>
  db
    .selectFrom('delayed_events')
    .select('due_at_ms')
    .where('user_number', '=', param.user)
    .where('finalised_at_ms', 'is', null)
    .orderBy('due_at_ms')
    .limit(1),
)
const setTimer = query((db, param: { delayId: string; nowMs: number; dueAtMs: number }) =>
  db
    .updateTable('delayed_events')
    .set({ scheduled_at_ms: param.nowMs, due_at_ms: param.dueAtMs })
    .where('delay_id', '=', param.delayId),
)
const overwritten = query(
  (db, param: { roomId: RoomId; type: string; stateKey: string; user: number; position: number }) =>
    db
      .selectFrom('delayed_events')
      .select('delay_id')
      .where('room_id', '=', param.roomId)
      .where('type', '=', param.type)
      .where('state_key', '=', param.stateKey)
      .where('finalised_at_ms', 'is', null)
      .where('user_number', '<>', param.user)
      .where('after_position', '<', param.position),
)
const removeEvents = query((db, param: { user: number }) =>
  db.deleteFrom('delayed_events').where('user_number', '=', param.user),
)
const removeTotals = query((db, param: { user: number }) =>
  db.deleteFrom('delayed_event_totals').where('user_number', '=', param.user),
)
const forgetOld = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .deleteFrom('delayed_events')
    .where('delay_id', 'in', (of) =>
      of
        .selectFrom('delayed_events')
        .select('delay_id')
        .where('finalised_at_ms', 'is not', null)
        .where('finalised_at_ms', '<', param.beforeMs)
        .orderBy('finalised_at_ms')
        .limit(param.limit),
    ),
)

const add = defineWrite(
  'delayedEvents.add',
  async (tx, { event, limits }: { event: NewDelayedEvent; limits: DelayLimits }): Promise<DelayAdded> => {
    const { user, device, transactionKey: key, sizeBytes, delayId } = event
    const before = key === undefined ? undefined : await tx.first(ofTransaction, { device, key })
    if (before !== undefined) return { kind: 'added', delayId: before.delay_id, dueAtMs: before.due_at_ms }
    const totals = await tx.first(totalsOf, { user })
    const scheduled = (totals?.scheduled ?? 0) + 1
    const scheduledBytes = (totals?.scheduled_bytes ?? 0) + sizeBytes
    if (scheduled > limits.scheduled || scheduledBytes > limits.scheduledBytes)
      return { kind: 'full', nextDueMs: (await tx.first(nextDueOf, { user }))?.due_at_ms }
    const dueAtMs = event.scheduledAtMs + event.delayMs
    await tx.run(setTotals, { user, scheduled, scheduledBytes, finalisedBytes: totals?.finalised_bytes ?? 0 })
    await tx.insertMany(insertDelayed, [
      {
        delay_id: delayId,
        user_number: user,
        device,
        transaction_key: key ?? null,
        room_id: event.roomId,
        type: event.type,
        state_key: event.stateKey ?? null,
        content_json: event.contentJson,
        sticky_ms: event.stickyMs ?? null,
        delay_ms: event.delayMs,
        scheduled_at_ms: event.scheduledAtMs,
        due_at_ms: dueAtMs,
        after_position: event.afterPosition,
        size_bytes: sizeBytes,
      },
    ])
    return { kind: 'added', delayId, dueAtMs }
  },
)

interface Named {
  readonly delayId: string
  readonly nowMs: number
  readonly ofUser: number | undefined
}

const restart = defineWrite(
  'delayedEvents.restart',
  async (tx, { delayId, nowMs, ofUser }: Named): Promise<DelayAnswer> => {
    const stand = await tx.first(standOf, { delayId })
    if (stand === undefined || (ofUser !== undefined && stand.user_number !== ofUser)) return { kind: 'unknown' }
    if (stand.finalised_at_ms !== null) return answerOf(stand)
    const dueAtMs = nowMs + stand.delay_ms
    await tx.run(setTimer, { delayId, nowMs, dueAtMs })
    return { kind: 'scheduled', dueAtMs }
  },
)
const cancel = defineWrite(
  'delayedEvents.cancel',
  async (tx, { delayId, nowMs, ofUser }: Named): Promise<DelayAnswer> =>
    (await finaliseIn(tx, delayId, { atMs: nowMs, outcome: { kind: 'cancelled' }, ofUser })).answer,
)
const finalise = defineWrite(
  'delayedEvents.finalise',
  async (tx, { delayId, nowMs, outcome }: Omit<Named, 'ofUser'> & { outcome: DelayOutcome }): Promise<DelayAnswer> =>
    (await finaliseIn(tx, delayId, { atMs: nowMs, outcome })).answer,
)

const OVERWRITTEN_JSON = JSON.stringify({ errcode: 'M_UNKNOWN', error: 'Somebody else set that state meanwhile' })

const cancelOverwritten = defineWrite(
  'delayedEvents.cancelOverwritten',
  async (tx, { entry, nowMs }: { entry: DelayedEntry; nowMs: number }): Promise<void> => {
    const { sender, ...rest } = entry
    const user = await tx.userNumber(sender)
    for (const { delay_id } of await tx.all(overwritten, { ...rest, user }))
      await finaliseIn(tx, delay_id, { atMs: nowMs, outcome: { kind: 'failed', errorJson: OVERWRITTEN_JSON } })
  },
)
const removeUser = defineWrite('delayedEvents.removeUser', async (tx, input: { user: number }): Promise<void> => {
  await tx.run(removeEvents, input)
  await tx.run(removeTotals, input)
})
const forget = defineWrite(
  'delayedEvents.forget',
  (tx: Tx, input: { beforeMs: number; limit: number }): Promise<number> => tx.run(forgetOld, input),
)

export const delayedEventWrites = [add, restart, cancel, finalise, cancelOverwritten, removeUser, forget]

export const delayedEventsWriter: DelayedEventsWriter = {
  add: (event, limits) => add({ event, limits }),
  restart: (delayId, nowMs, ofUser) => restart({ delayId, nowMs, ofUser }),
  cancel: (delayId, nowMs, ofUser) => cancel({ delayId, nowMs, ofUser }),
  finalise: (delayId, nowMs, outcome) => finalise({ delayId, nowMs, outcome }),
  cancelOverwritten: (entry, nowMs) => cancelOverwritten({ entry, nowMs }),
  removeUser: (user) => removeUser({ user }),
  forget: (beforeMs, limit) => forget({ beforeMs, limit }),
}

const one = query((db, param: { delayId: string }) =>
  db
    .selectFrom('delayed_events as d')
    .innerJoin('users as u', 'u.user_number', 'd.user_number')
    .selectAll('d')
    .select('u.user_id')
    .where('d.delay_id', '=', param.delayId),
)
const ofUser = query((db, param: { user: number }) =>
  db
    .selectFrom('delayed_events as d')
    .innerJoin('users as u', 'u.user_number', 'd.user_number')
    .selectAll('d')
    .select('u.user_id')
    .where('d.user_number', '=', param.user)
    .where('d.finalised_at_ms', 'is', null)
    .orderBy('d.due_at_ms'),
)
const dueOnes = query((db, param: { nowMs: number; limit: number }) =>
  db
    .selectFrom('delayed_events as d')
    .innerJoin('users as u', 'u.user_number', 'd.user_number')
    .selectAll('d')
    .select('u.user_id')
    .where('d.finalised_at_ms', 'is', null)
    .where('d.due_at_ms', '<=', param.nowMs)
    .orderBy('d.due_at_ms')
    .limit(param.limit),
)
const nextDue = query((db) =>
  db
    .selectFrom('delayed_events')
    .select('due_at_ms')
    .where('finalised_at_ms', 'is', null)
    .orderBy('due_at_ms')
    .limit(1),
)
const withState = query((db, param: { limit: number }) =>
  db
    .selectFrom('delayed_events')
    .select('room_id')
    .distinct()
    .where('finalised_at_ms', 'is', null)
    .where('state_key', 'is not', null)
    .limit(param.limit),
)
const ofOthers = query((db, param: Omit<DelayedEntry, 'position'>) =>
  db
    .selectFrom('delayed_events as d')
    .innerJoin('users as u', 'u.user_number', 'd.user_number')
    .select('d.delay_id')
    .where('d.room_id', '=', param.roomId)
    .where('d.type', '=', param.type)
    .where('d.state_key', '=', param.stateKey)
    .where('d.finalised_at_ms', 'is', null)
    .where('u.user_id', '<>', param.sender)
    .limit(1),
)

type Row = Omit<DelayedEventTables['delayed_events'], 'due_at_ms' | 'finalised_bytes'> & { readonly user_id: string }

const outcomeOf = ({ event_id, error_json }: Row): DelayOutcome => {
  if (event_id !== null) return { kind: 'sent', eventId: event_id }
  return error_json === null ? { kind: 'cancelled' } : { kind: 'failed', errorJson: error_json }
}

const delayedEventOf = (row: Row): DelayedEvent => ({
  delayId: row.delay_id,
  user: row.user_number,
  userId: row.user_id as UserId,
  device: row.device,
  transactionKey: row.transaction_key ?? undefined,
  roomId: row.room_id,
  type: row.type,
  stateKey: row.state_key ?? undefined,
  contentJson: row.content_json,
  stickyMs: row.sticky_ms ?? undefined,
  delayMs: row.delay_ms,
  scheduledAtMs: row.scheduled_at_ms,
  afterPosition: row.after_position,
  sizeBytes: row.size_bytes,
  finalised: row.finalised_at_ms === null ? undefined : { atMs: row.finalised_at_ms, outcome: outcomeOf(row) },
})

export const delayedEventsReader = (db: Db): DelayedEventsReader => ({
  delayedEvent: async (delayId) => {
    const row = await db.first(one, { delayId })
    return row === undefined ? undefined : delayedEventOf(row)
  },
  scheduledOf: async (user) => (await db.longAll(ofUser, { user })).map(delayedEventOf),
  due: async (nowMs, limit) => (await db.all(dueOnes, { nowMs, limit })).map(delayedEventOf),
  nextDueMs: async () => (await db.first(nextDue, {}))?.due_at_ms,
  roomsWithState: async (limit) => {
    // Most servers never have any, and need no thread for long reads because of them.
    if ((await db.first(nextDue, {})) === undefined) return []
    return (await db.longAll(withState, { limit })).map(({ room_id }) => room_id)
  },
  isScheduledByOthers: async (entry) => (await db.first(ofOthers, entry)) !== undefined,
})
