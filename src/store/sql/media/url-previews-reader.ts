import type { UrlPreview, UrlPreviewReader } from '../../ports/media/url-previews.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { UrlPreviewTables } from './url-previews-writes.ts'

const query = queriesOver<UrlPreviewTables>()

const previewAt = query((db, param: { url: string; atMs: number }) =>
  db
    .selectFrom('url_previews')
    .selectAll()
    .where('url', '=', param.url)
    .where('fetched_ms', '<=', param.atMs)
    .where('stale_ms', '>', param.atMs)
    .orderBy('fetched_ms', 'desc')
    .limit(1),
)
const previewsBefore = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .selectFrom('url_previews')
    .selectAll()
    .where('fetched_ms', '<', param.beforeMs)
    .orderBy('fetched_ms')
    .limit(param.limit),
)

const previewOf = (row: UrlPreviewTables['url_previews']): UrlPreview => ({
  url: row.url,
  fetchedMs: row.fetched_ms,
  staleMs: row.stale_ms,
  answerJson: row.answer,
  mediaId: row.media_id ?? undefined,
})

export const urlPreviewReader = (db: Db): UrlPreviewReader => ({
  preview: async (url, atMs) => {
    const row = await db.first(previewAt, { url, atMs })
    return row && previewOf(row)
  },
  fetchedBefore: async (beforeMs, limit) => (await db.all(previewsBefore, { beforeMs, limit })).map(previewOf),
})
