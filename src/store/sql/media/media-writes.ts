import { WriteConflict } from '../../ports/engine/change.ts'
import type { AnnouncedMedia, MediaWriter, NewMedia, ThumbnailRecord, UnusedFile } from '../../ports/media/media.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, insertInto, queriesOver, type Tx } from '../engine/index.ts'
import { useBytes, withoutUse } from './media-files-rows.ts'
import type { MediaTables } from './media-tables.ts'

const query = queriesOver<MediaTables>()

const mediaOf = query((db, param: { mediaId: string }) =>
  db.selectFrom('media').select(['user_number', 'expires_ms', 'sha256']).where('media_id', '=', param.mediaId),
)
const usedBytes = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('media')
    .innerJoin('media_files', 'media_files.sha256', 'media.sha256')
    .select((row) => row.fn.sum<number | string>('size_bytes').as('bytes'))
    .where('user_number', '=', param.user),
)
const insertMedia = insertInto('media', {
  media_id: 'text',
  user_number: 'integer',
  created_ms: 'integer',
  expires_ms: 'integer?',
  sha256: 'text?',
  content_type: 'text?',
  file_name: 'text?',
})
const fillMedia = query(
  (db, param: { mediaId: string; sha256: string; contentType: string; fileName: string | undefined }) =>
    db
      .updateTable('media')
      .set({
        sha256: param.sha256,
        content_type: param.contentType,
        file_name: param.fileName as string,
        expires_ms: null,
      })
      .where('media_id', '=', param.mediaId),
)
const useMedia = query((db, param: { mediaId: string; atMs: number }) =>
  db.updateTable('media').set({ used_ms: param.atMs }).where('media_id', '=', param.mediaId),
)
const dropExpired = query((db, param: { user: UserNumber; atMs: number }) =>
  db
    .deleteFrom('media')
    .where('user_number', '=', param.user)
    .where('sha256', 'is', null)
    .where('expires_ms', '<=', param.atMs),
)
const dropAllExpired = query((db, param: { atMs: number }) =>
  db.deleteFrom('media').where('sha256', 'is', null).where('expires_ms', '<=', param.atMs),
)
const countPending = query((db, param: { user: UserNumber; atMs: number }) =>
  db
    .selectFrom('media')
    .select((row) => row.fn.countAll<number | string>().as('pending'))
    .where('user_number', '=', param.user)
    .where('sha256', 'is', null)
    .where('expires_ms', '>', param.atMs),
)
const deleteMedia = query((db, param: { mediaId: string }) =>
  db.deleteFrom('media').where('media_id', '=', param.mediaId),
)
const fileOf = query((db, param: { sha256: string }) =>
  db.selectFrom('media_files').select('uses').where('sha256', '=', param.sha256),
)
const insertThumbnail = insertInto(
  'media_thumbnails',
  { sha256: 'text', variant: 'text', content_type: 'text', size_bytes: 'integer' },
  { ifExists: 'ignore' },
)

const checkQuota = async (tx: Tx, { user, content, quotaBytes }: NewMedia): Promise<void> => {
  if (quotaBytes === undefined) return
  const used = Number((await tx.first(usedBytes, { user }))?.bytes ?? 0)
  if (used + content.sizeBytes > quotaBytes) throw new WriteConflict('media-quota')
}

const add = defineWrite('media.add', async (tx, media: NewMedia): Promise<void> => {
  await checkQuota(tx, media)
  const { sha256, sizeBytes, contentType, fileName } = media.content
  await useBytes(tx, sha256, sizeBytes)
  await tx.insertMany(insertMedia, [
    {
      media_id: media.mediaId,
      user_number: media.user,
      created_ms: media.atMs,
      expires_ms: null,
      sha256,
      content_type: contentType,
      file_name: fileName ?? null,
    },
  ])
})

const announce = defineWrite('media.announce', async (tx, media: AnnouncedMedia): Promise<void> => {
  const { mediaId, user, atMs, expiresAtMs, limit } = media
  const pending = Number((await tx.first(countPending, { user, atMs }))?.pending ?? 0)
  if (pending >= limit) throw new WriteConflict('media-pending')
  await tx.run(dropExpired, { user, atMs })
  await tx.insertMany(insertMedia, [
    {
      media_id: mediaId,
      user_number: user,
      created_ms: atMs,
      expires_ms: expiresAtMs,
      sha256: null,
      content_type: null,
      file_name: null,
    },
  ])
})

const fill = defineWrite('media.fill', async (tx, media: NewMedia): Promise<void> => {
  const { mediaId, content } = media
  const row = await tx.first(mediaOf, { mediaId })
  if (row === undefined) throw new WriteConflict('media-unknown')
  if (row.user_number !== media.user) throw new WriteConflict('media-foreign')
  if (row.sha256 !== null) throw new WriteConflict('media-uploaded')
  if (row.expires_ms !== null && row.expires_ms <= media.atMs) throw new WriteConflict('media-unknown')
  await checkQuota(tx, media)
  await useBytes(tx, content.sha256, content.sizeBytes)
  await tx.run(fillMedia, { mediaId, ...content })
})

const forgetExpired = defineWrite('media.dropExpired', async (tx, { atMs }: { atMs: number }): Promise<void> => {
  await tx.run(dropAllExpired, { atMs })
})

const addThumbnail = defineWrite(
  'media.addThumbnail',
  async (tx, { sha256, thumbnail }: { sha256: string; thumbnail: ThumbnailRecord }): Promise<void> => {
    if ((await tx.first(fileOf, { sha256 })) === undefined) throw new WriteConflict('media-unknown')
    const { variant, contentType, sizeBytes } = thumbnail
    await tx.insertMany(insertThumbnail, [{ sha256, variant, content_type: contentType, size_bytes: sizeBytes }])
  },
)

const remove = defineWrite(
  'media.remove',
  async (tx, { mediaId }: { mediaId: string }): Promise<UnusedFile | undefined> => {
    const sha256 = (await tx.first(mediaOf, { mediaId }))?.sha256 ?? undefined
    await tx.run(deleteMedia, { mediaId })
    return sha256 === undefined ? undefined : withoutUse(tx, sha256)
  },
)

const use = defineWrite('media.use', async (tx, input: { mediaId: string; atMs: number }): Promise<void> => {
  await tx.run(useMedia, input)
})

export const mediaWrites = [use, add, announce, fill, forgetExpired, addThumbnail, remove]

export const mediaWriter: MediaWriter = {
  add,
  announce,
  fill,
  dropExpired: (atMs) => forgetExpired({ atMs }),
  use: (mediaId, atMs) => use({ mediaId, atMs }),
  addThumbnail: (sha256, thumbnail) => addThumbnail({ sha256, thumbnail }),
  remove: (mediaId) => remove({ mediaId }),
}
