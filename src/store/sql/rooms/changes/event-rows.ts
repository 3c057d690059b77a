import { type EventNumber, isInHistory } from '../../../ports/rooms/events.ts'
import type { NewStoredEvent } from '../../../ports/rooms/room-change.ts'
import type { InsertRow, Tx } from '../../engine/index.ts'
import { storeRelation } from '../relations/relation-rows.ts'
import { type insertEvents, PLACINGS } from '../tables.ts'

export type EventRow = InsertRow<typeof insertEvents>

/** The row of an event. */
export const eventRow = async (
  tx: Tx,
  room: number,
  event: NewStoredEvent,
  number: EventNumber,
  { replaces, prior }: { readonly replaces: EventNumber | null; readonly prior: PriorColumns },
): Promise<EventRow> => ({
  event: number,
  event_id: event.eventId,
  room,
  position: number > 0 ? number : null,
  placed: PLACINGS.indexOf(event.placing),
  type: event.type,
  state_key: event.stateKey ?? null,
  sender: await tx.userNumber(event.sender),
  origin_server_ts: event.originServerTs,
  depth: event.depth,
  ...prior,
  history_at: event.historyAt ?? null,
  replaces,
  txn_device: event.transaction?.device ?? null,
  txn_scope: event.transaction?.scope ?? null,
  txn_id: event.transaction?.id ?? null,
  json: event.json,
})

export type PriorColumns = Pick<EventRow, 'prior_at' | 'prior_state'>
/** For an event whose prior state is the log right before it. */
export const LOG_BEFORE: PriorColumns = { prior_at: null, prior_state: null }

/** Events that stand in no history relate to nothing: nobody is shown them. */
export const storeRelations = async (
  tx: Tx,
  events: readonly NewStoredEvent[],
  rows: readonly EventRow[],
): Promise<void> => {
  for (const [index, { relation, placing }] of events.entries()) {
    const row = rows[index]
    if (relation === undefined || row === undefined || !isInHistory({ placing })) continue
    await storeRelation(tx, { ...row, relation })
  }
}
