import { join } from 'node:path'
import type { MediaDeps } from '#api'
import type { CacheStats } from '#base'
import { ImageLibrary, Media, Thumbnails } from '#domain'
import { openMediaFolder, writers } from '#store'
import type { Ground } from './ground.ts'

export interface MediaRooms {
  readonly media: Media
  readonly api: MediaDeps
  readonly caches: readonly { stats(): CacheStats }[]
}

/** The content repository, with its files in the data folder. */
export const buildMedia = async ({ config, store, clock, random }: Ground): Promise<MediaRooms> => {
  const settings = config.media
  const files = await openMediaFolder(join(config.storage.dataFolder, 'media'), random)
  const kept = { reader: store.media, writer: writers.media, commit: store.commit, files }
  const limits = {
    uploadBytes: settings.uploadSize,
    userQuotaBytes: settings.userQuota,
    pendingUploads: settings.pendingUploads,
    pendingLifetimeMs: settings.pendingLifetime,
  }
  const media = new Media(kept, config.server.name, limits, { clock, random })
  const images = new ImageLibrary({ maxPixels: settings.thumbnailPixels, timeoutMs: settings.thumbnailTimeout })
  const thumbnails = new Thumbnails(kept, images, clock, settings.thumbnailsAtOnce)
  return { media, api: { media, thumbnails, legacyDownloads: settings.legacyDownloads }, caches: [thumbnails] }
}
