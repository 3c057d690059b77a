import type { MediaReader } from '../../ports/media/media.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { MediaTables } from './media-tables.ts'

const query = queriesOver<MediaTables>()

const mediaOf = query((db, param: { mediaId: string }) =>
  db
    .selectFrom('media')
    .leftJoin('media_files', 'media_files.sha256', 'media.sha256')
    .select([
      'user_number',
      'created_ms',
      'expires_ms',
      'media.sha256',
      'size_bytes',
      'content_type',
      'file_name',
      'used_ms',
    ])
    .where('media_id', '=', param.mediaId),
)
const fileOf = query((db, param: { sha256: string }) =>
  db.selectFrom('media_files').select('uses').where('sha256', '=', param.sha256),
)
const thumbnailOf = query((db, param: { sha256: string; variant: string }) =>
  db
    .selectFrom('media_thumbnails')
    .select(['content_type', 'size_bytes'])
    .where('sha256', '=', param.sha256)
    .where('variant', '=', param.variant),
)
const filesNamed = query((db, param: { sha256s: readonly string[] }, { texts }) =>
  db.selectFrom('media_files').select('sha256').where('sha256', 'in', texts(param.sha256s)),
)
const thumbnailsNamed = query((db, param: { sha256s: readonly string[] }, { texts }) =>
  db.selectFrom('media_thumbnails').select(['sha256', 'variant']).where('sha256', 'in', texts(param.sha256s)),
)
const usedBytes = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('media')
    .innerJoin('media_files', 'media_files.sha256', 'media.sha256')
    .select((row) => row.fn.sum<number | string>('size_bytes').as('bytes'))
    .where('user_number', '=', param.user),
)

export const mediaReader = (db: Db): MediaReader => ({
  media: async (mediaId) => {
    const row = await db.first(mediaOf, { mediaId })
    if (row === undefined) return undefined
    const { sha256, size_bytes: sizeBytes, content_type: contentType } = row
    return {
      mediaId,
      user: row.user_number,
      createdAtMs: row.created_ms,
      expiresAtMs: row.expires_ms ?? undefined,
      usedAtMs: row.used_ms ?? undefined,
      content:
        sha256 === null || sizeBytes === null || contentType === null
          ? undefined
          : { sha256, sizeBytes, contentType, fileName: row.file_name ?? undefined },
    }
  },
  hasFile: async (sha256) => (await db.first(fileOf, { sha256 })) !== undefined,
  thumbnail: async (sha256, variant) => {
    const row = await db.first(thumbnailOf, { sha256, variant })
    return row && { variant, contentType: row.content_type, sizeBytes: row.size_bytes }
  },
  named: async (files) => {
    const sha256s = [...new Set(files.map((name) => name.split('.', 1)[0] ?? name))]
    const originals = await db.all(filesNamed, { sha256s })
    const thumbnails = files.some((name) => name.includes('.')) ? await db.all(thumbnailsNamed, { sha256s }) : []
    const names = [
      ...originals.map(({ sha256 }) => sha256),
      ...thumbnails.map(({ sha256, variant }) => `${sha256}.${variant}`),
    ]
    return new Set(names)
  },
  bytesOf: async (user) => Number((await db.first(usedBytes, { user }))?.bytes ?? 0),
})
