import type { Migration } from '../sql/engine/schema.ts'

/** The size of each room's current state, by which it is bounded. Rooms of before are counted when their state next changes. */
export const countRoomState: Migration = {
  name: '0171-count-room-state',
  statements: ({ integer }) => [
    `alter table rooms add column state_bytes ${integer}`,
    `alter table rooms add column state_entries ${integer}`,
  ],
}
