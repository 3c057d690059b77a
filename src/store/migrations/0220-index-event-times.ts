import type { Migration } from '../sql/engine/schema.ts'

/** Finds a room's event nearest to a time (`/timestamp_to_event`). Holds what stands in the room's history, as `events_history` does. */
export const indexEventTimes: Migration = {
  name: '0220-index-event-times',
  statements: () => ['create index events_time on events (room, origin_server_ts, event) where placed <= 1'],
}
