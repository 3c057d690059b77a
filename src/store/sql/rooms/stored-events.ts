import type { Kysely } from 'kysely'
import type { StoredEvent } from '../../ports/rooms/events.ts'
import { PLACINGS, type RoomTables } from './tables.ts'

/** Selects events with all columns of a `StoredEvent`: each query of events begins with it. */
export const selectEvents = (db: Kysely<RoomTables>) =>
  db
    .selectFrom('events as e')
    .innerJoin('rooms as r', 'r.room', 'e.room')
    .innerJoin('users as u', 'u.user_number', 'e.sender')
    .leftJoin('events as redaction', 'redaction.event', 'e.redacted_by')
    .leftJoin('events as old', 'old.event', 'e.replaces')
    .select([
      'e.event',
      'e.event_id',
      'e.room',
      'r.room_id',
      'e.position',
      'e.placed',
      'e.type',
      'e.state_key',
      'u.user_id as sender',
      'e.origin_server_ts',
      'e.depth',
      'e.prior_at',
      'e.history_at',
      'e.json',
      'e.txn_device',
      'e.txn_id',
      'redaction.event_id as redaction_id',
      'redaction.json as redaction_json',
      'old.event_id as old_id',
      'old.json as old_json',
      'old.position as old_position',
    ])

export type EventRow = Awaited<ReturnType<ReturnType<typeof selectEvents>['execute']>>[number]

const pointer = <Id>(eventId: Id | null, json: string | null): { eventId: Id; json: string } | undefined =>
  eventId === null || json === null ? undefined : { eventId, json }

const replacedIn = ({ old_id, old_json, old_position }: EventRow): StoredEvent['replaces'] => {
  const replaced = pointer(old_id, old_json)
  return replaced === undefined ? undefined : { ...replaced, position: old_position ?? 0 }
}

export const toStoredEvent = (row: EventRow): StoredEvent => ({
  event: row.event,
  position: row.position ?? row.history_at ?? row.prior_at ?? 0,
  placing: PLACINGS[row.placed] ?? 'rejected',
  eventId: row.event_id,
  room: row.room,
  roomId: row.room_id,
  type: row.type,
  stateKey: row.state_key ?? undefined,
  sender: row.sender,
  originServerTs: row.origin_server_ts,
  depth: row.depth,
  json: row.json,
  redactedBy: pointer(row.redaction_id, row.redaction_json),
  replaces: replacedIn(row),
  transaction: row.txn_device === null || row.txn_id === null ? undefined : { device: row.txn_device, id: row.txn_id },
})
