import type { Migration } from '../sql/engine/schema.ts'

export const addSessionsStream: Migration = {
  name: '0080-add-sessions-stream',
  statements: () => [`insert into stream_positions (stream, position) values ('sessions', 0)`],
}
