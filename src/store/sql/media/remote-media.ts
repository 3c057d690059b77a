import type { ServerName } from '#spec'
import type { MediaContent, UnusedFile } from '../../ports/media/media.ts'
import type { RemoteMediaName, RemoteMediaReader, RemoteMediaWriter } from '../../ports/media/remote-media.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import { useBytes, withoutUse } from './media-files-rows.ts'

interface RemoteMediaTables {
  readonly remote_media: {
    readonly server: string
    readonly media_id: string
    readonly variant: string
    readonly used_ms: number
    readonly sha256: string
    readonly size_bytes: number
    readonly content_type: string
    readonly file_name: string | null
  }
}

const query = queriesOver<RemoteMediaTables>()

const copyOf = query((db, param: RemoteMediaName) =>
  db
    .selectFrom('remote_media')
    .select(['used_ms', 'sha256', 'size_bytes', 'content_type', 'file_name'])
    .where('server', '=', param.server)
    .where('media_id', '=', param.mediaId)
    .where('variant', '=', param.variant),
)
const usedBefore = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .selectFrom('remote_media')
    .select(['server', 'media_id', 'variant', 'size_bytes'])
    .where('used_ms', '<', param.beforeMs)
    .orderBy('used_ms')
    .limit(param.limit),
)
const allBytes = query((db) =>
  db.selectFrom('remote_media').select((row) => row.fn.sum<number | string>('size_bytes').as('bytes')),
)
const insertCopy = insertInto('remote_media', {
  server: 'text',
  media_id: 'text',
  variant: 'text',
  used_ms: 'integer',
  sha256: 'text',
  size_bytes: 'integer',
  content_type: 'text',
  file_name: 'text?',
})
const useCopy = query((db, param: RemoteMediaName & { atMs: number }) =>
  db
    .updateTable('remote_media')
    .set({ used_ms: param.atMs })
    .where('server', '=', param.server)
    .where('media_id', '=', param.mediaId)
    .where('variant', '=', param.variant),
)
const deleteCopy = query((db, param: RemoteMediaName) =>
  db
    .deleteFrom('remote_media')
    .where('server', '=', param.server)
    .where('media_id', '=', param.mediaId)
    .where('variant', '=', param.variant)
    .returning('sha256'),
)

const add = defineWrite(
  'remoteMedia.add',
  async (tx, input: RemoteMediaName & { content: MediaContent; atMs: number }): Promise<void> => {
    if ((await tx.first(copyOf, input)) !== undefined) return
    const { sha256, sizeBytes, contentType, fileName } = input.content
    await useBytes(tx, sha256, sizeBytes)
    await tx.insertMany(insertCopy, [
      {
        server: input.server,
        media_id: input.mediaId,
        variant: input.variant,
        used_ms: input.atMs,
        sha256,
        size_bytes: sizeBytes,
        content_type: contentType,
        file_name: fileName ?? null,
      },
    ])
  },
)

const use = defineWrite('remoteMedia.use', async (tx, input: RemoteMediaName & { atMs: number }): Promise<void> => {
  await tx.run(useCopy, input)
})

const remove = defineWrite('remoteMedia.remove', async (tx, name: RemoteMediaName): Promise<UnusedFile | undefined> => {
  const [gone] = await tx.all(deleteCopy, name)
  return gone === undefined ? undefined : withoutUse(tx, gone.sha256)
})

export const remoteMediaWrites = [add, use, remove]

export const remoteMediaWriter: RemoteMediaWriter = {
  add: (name, content, atMs) => add({ ...name, content, atMs }),
  use: (name, atMs) => use({ ...name, atMs }),
  remove,
}

export const remoteMediaReader = (db: Db): RemoteMediaReader => ({
  media: async (name) => {
    const row = await db.first(copyOf, name)
    if (row === undefined) return undefined
    const { sha256, size_bytes: sizeBytes, content_type: contentType, file_name: fileName } = row
    return { usedMs: row.used_ms, content: { sha256, sizeBytes, contentType, fileName: fileName ?? undefined } }
  },
  usedBefore: async (beforeMs, limit) =>
    (await db.all(usedBefore, { beforeMs, limit })).map((row) => ({
      ...{ server: row.server as ServerName, mediaId: row.media_id, variant: row.variant },
      sizeBytes: row.size_bytes,
    })),
  bytes: async () => Number((await db.longAll(allBytes, {}))[0]?.bytes ?? 0),
})
