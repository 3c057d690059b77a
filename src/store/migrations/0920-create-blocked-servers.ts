import { type Migration, table } from '../sql/engine/schema.ts'

export const createBlockedServers: Migration = {
  name: '0920-create-blocked-servers',
  statements: ({ integer, text }) => [
    table(
      'blocked_servers',
      { owner: 'domain/abuse; servers that administrators block', rowsGo: 'when an administrator ends that' },
      `pattern ${text} primary key`,
      `reason ${text}`,
      `added_by ${text} not null`,
      `added_ms ${integer} not null`,
    ),
  ],
}
