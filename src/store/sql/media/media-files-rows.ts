import type { UnusedFile } from '../../ports/media/media.ts'
import { queriesOver, type Tx } from '../engine/index.ts'
import type { MediaTables } from './media-tables.ts'

const query = queriesOver<MediaTables>()

const useFile = query((db, param: { sha256: string; sizeBytes: number }) =>
  db
    .insertInto('media_files')
    .values({ sha256: param.sha256, size_bytes: param.sizeBytes, uses: 1 })
    .onConflict((on) => on.column('sha256').doUpdateSet((row) => ({ uses: row('media_files.uses', '+', 1) }))),
)
const releaseFile = query((db, param: { sha256: string }) =>
  db
    .updateTable('media_files')
    .set((row) => ({ uses: row('uses', '-', 1) }))
    .where('sha256', '=', param.sha256)
    .returning('uses'),
)
const deleteFile = query((db, param: { sha256: string }) =>
  db.deleteFrom('media_files').where('sha256', '=', param.sha256),
)
const deleteThumbnails = query((db, param: { sha256: string }) =>
  db.deleteFrom('media_thumbnails').where('sha256', '=', param.sha256).returning('variant'),
)

/** One more row names these bytes. */
export const useBytes = async (tx: Tx, sha256: string, sizeBytes: number): Promise<void> => {
  await tx.run(useFile, { sha256, sizeBytes })
}

/** One row fewer names these bytes. Returns them with the variants of their thumbnails where it was the last. */
export const withoutUse = async (tx: Tx, sha256: string): Promise<UnusedFile | undefined> => {
  if (((await tx.first(releaseFile, { sha256 }))?.uses ?? 0) > 0) return undefined
  await tx.run(deleteFile, { sha256 })
  const thumbnails = await tx.all(deleteThumbnails, { sha256 })
  return { sha256, variants: thumbnails.map(({ variant }) => variant) }
}
