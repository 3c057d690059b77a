import { type Migration, table } from '../sql/engine/schema.ts'

export const createRemoteMedia: Migration = {
  name: '0630-create-remote-media',
  statements: ({ integer, text }) => [
    table(
      'remote_media',
      {
        owner: 'domain/media; copies of files and thumbnails of other servers',
        rowsGo: 'when nobody asked for the copy for a while, or when all copies together take too much space',
      },
      `server ${text} not null`,
      `media_id ${text} not null`,
      `variant ${text} not null /* empty for the file itself, else which thumbnail of it */`,
      `used_ms ${integer} not null /* when somebody last asked for it, within a day */`,
      `sha256 ${text} not null`,
      `size_bytes ${integer} not null`,
      `content_type ${text} not null`,
      `file_name ${text}`,
      'primary key (server, media_id, variant)',
    ),
    'create index remote_media_by_use on remote_media (used_ms)',
  ],
}
