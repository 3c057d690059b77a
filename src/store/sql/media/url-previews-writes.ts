import type { UrlPreview, UrlPreviewWriter } from '../../ports/media/url-previews.ts'
import { defineWrite, insertInto, queriesOver } from '../engine/index.ts'

export interface UrlPreviewTables {
  url_previews: { url: string; fetched_ms: number; stale_ms: number; answer: string; media_id: string | null }
}

const query = queriesOver<UrlPreviewTables>()

const insertPreview = insertInto(
  'url_previews',
  { url: 'text', fetched_ms: 'integer', stale_ms: 'integer', answer: 'text', media_id: 'text?' },
  { ifExists: 'preview-exists' },
)
const deletePreview = query((db, param: { url: string; fetchedMs: number }) =>
  db.deleteFrom('url_previews').where('url', '=', param.url).where('fetched_ms', '=', param.fetchedMs),
)

const add = defineWrite('urlPreviews.add', async (tx, preview: UrlPreview): Promise<void> => {
  const { url, fetchedMs, staleMs, answerJson, mediaId } = preview
  const row = { url, fetched_ms: fetchedMs, stale_ms: staleMs, answer: answerJson, media_id: mediaId ?? null }
  await tx.insertMany(insertPreview, [row])
})

const remove = defineWrite(
  'urlPreviews.remove',
  async (tx, preview: { url: string; fetchedMs: number }): Promise<void> => {
    await tx.run(deletePreview, preview)
  },
)

export const urlPreviewWrites = [add, remove]

export const urlPreviewWriter: UrlPreviewWriter = { add, remove: (url, fetchedMs) => remove({ url, fetchedMs }) }
