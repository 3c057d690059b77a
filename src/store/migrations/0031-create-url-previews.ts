import { type Migration, table } from '../sql/engine/schema.ts'

export const createUrlPreviews: Migration = {
  name: '0031-create-url-previews',
  statements: ({ integer, text }) => [
    table(
      'url_previews',
      { owner: 'domain/media', rowsGo: 'with their picture, once they are as old as urlPreviews.lifetime' },
      `url ${text} not null`,
      `fetched_ms ${integer} not null`,
      `stale_ms ${integer} not null`,
      `answer ${text} not null`,
      `media_id ${text}`,
      'primary key (url, fetched_ms)',
    ),
    'create index url_previews_age on url_previews (fetched_ms)',
    'create index media_expiry on media (expires_ms) where sha256 is null',
  ],
}
