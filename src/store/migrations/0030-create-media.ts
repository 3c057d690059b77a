import { type Migration, table } from '../sql/engine/schema.ts'

export const createMedia: Migration = {
  name: '0030-create-media',
  statements: ({ integer, text }) => [
    table(
      'media',
      { owner: 'domain/media', rowsGo: 'when the media is removed; announced uploads once they expired' },
      `media_id ${text} primary key`,
      `user_number ${integer} not null`,
      `created_ms ${integer} not null`,
      `expires_ms ${integer} /* of an announced upload that did not come yet */`,
      `sha256 ${text} /* null until the upload has come */`,
      `content_type ${text}`,
      `file_name ${text}`,
    ),
    'create index media_user on media (user_number)',
    'create index media_pending on media (user_number, expires_ms) where sha256 is null',
    table(
      'media_files',
      { owner: 'domain/media', rowsGo: 'with the last media that has these bytes' },
      `sha256 ${text} primary key`,
      `size_bytes ${integer} not null`,
      `uses ${integer} not null /* rows of media with these bytes */`,
    ),
    table(
      'media_thumbnails',
      { owner: 'domain/media', rowsGo: 'with the file they were made of' },
      `sha256 ${text} not null`,
      `variant ${text} not null`,
      `content_type ${text} not null`,
      `size_bytes ${integer} not null`,
      'primary key (sha256, variant)',
    ),
  ],
}
