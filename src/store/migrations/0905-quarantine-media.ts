import { type Migration, table } from '../sql/engine/schema.ts'

/** Media that nobody is to see any more, or that are kept from becoming so; and when media of this server were last asked for. */
export const quarantineMedia: Migration = {
  name: '0905-quarantine-media',
  statements: ({ integer, text }) => [
    table(
      'quarantined_media',
      {
        owner: 'domain/media; media, here or elsewhere, that are not given out, nor any others with the same bytes',
        rowsGo: 'when an administrator takes the media out of quarantine',
      },
      `server ${text} not null`,
      `media_id ${text} not null`,
      // Empty where no bytes are known, or others need them.
      `sha256 ${text} not null`,
      `quarantined_by ${text} not null`,
      `quarantined_ms ${integer} not null`,
      'primary key (server, media_id, sha256)',
    ),
    'create index quarantined_bytes on quarantined_media (sha256)',
    `alter table media add column used_ms ${integer}`,
    `alter table media add column protected ${integer} not null default 0`,
    'create index media_by_age on media (created_ms, media_id)',
    'create index media_by_bytes on media (sha256)',
  ],
}
