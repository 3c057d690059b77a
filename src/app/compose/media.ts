import { join } from 'node:path'
import type { MediaDeps } from '#api'
import type { CacheStats } from '#base'
import type { Config } from '#config'
import {
  Identicons,
  ImageLibrary,
  Media,
  type MediaStore,
  MediaSweep,
  StoredBytes,
  Thumbnails,
  UrlPreviews,
} from '#domain'
import { addressRule, UrlFetcher } from '#net'
import { type LeasedWork, type MediaFiles, openMediaFolder, openObjectStore, writers } from '#store'
import { PACKAGE_VERSION } from '../package-version.ts'
import type { Ground } from './ground.ts'

export interface BuiltMedia {
  readonly media: Media
  readonly api: MediaDeps
  readonly caches: readonly { stats(): CacheStats }[]
  /** Removes what nobody can reach any more: work of one process at a time. */
  readonly sweep: LeasedWork
  /** Ends what goes on behind the answers; before the store closes. */
  stop(): Promise<void>
}

/** The content repository, with its files in the data folder or in a store of objects. */
export const buildMedia = async (ground: Ground): Promise<BuiltMedia> => {
  const { config, store, clock, random, logger } = ground
  const settings = config.media
  const files = await openFiles(ground)
  const kept: MediaStore = {
    reader: store.media,
    writer: writers.media,
    previews: { reader: store.urlPreviews, writer: writers.urlPreviews },
    commit: store.commit,
    files,
  }
  const limits = {
    uploadBytes: settings.uploadSize,
    userQuotaBytes: settings.userQuota,
    pendingUploads: settings.pendingUploads,
    pendingLifetimeMs: settings.pendingLifetime,
  }
  const bytes = new StoredBytes(kept)
  const media = new Media(kept, bytes, config.server.name, limits, { clock, random })
  const images = new ImageLibrary({ maxPixels: settings.thumbnailPixels, timeoutMs: settings.thumbnailTimeout })
  const thumbnails = new Thumbnails(kept, images, clock, settings.thumbnailsAtOnce)
  const identicons = new Identicons()
  const previews = config.urlPreviews.enabled ? buildPreviews(ground, kept, bytes, images) : undefined
  const sweep = new MediaSweep(kept, bytes, { clock, logger, previewLifetimeMs: config.urlPreviews.lifetime })
  return {
    media,
    api: { media, thumbnails, identicons, previews, legacyDownloads: settings.legacyDownloads },
    caches: [thumbnails, identicons, ...(previews === undefined ? [] : [previews])],
    sweep,
    stop: async () => {
      const ended = previews?.stop()
      // What they wait for may be far away, and silent.
      files.close()
      await ended
    },
  }
}

const openFiles = ({ config, random }: Ground): Promise<MediaFiles> => {
  const { dataFolder } = config.storage
  const { bucket, endpoint, region, accessKeyId, secretAccessKey, prefix = '', pathStyle, requestTimeout } = config.s3
  if (bucket === undefined) return openMediaFolder(join(dataFolder, 'media'), random)
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey }
  const spoolFolder = join(dataFolder, 'media-spool')
  const place = { bucket, endpoint, region, credentials, prefix, pathStyle }
  return openObjectStore({ ...place, timeoutMs: requestTimeout, spoolFolder }, random)
}

const buildPreviews = (
  { config, clock, random, logger, rateLimiter }: Ground,
  kept: MediaStore,
  bytes: StoredBytes,
  images: ImageLibrary,
): UrlPreviews => {
  const settings = config.urlPreviews
  const fetcher = new UrlFetcher({
    userAgent: userAgentOf(config),
    acceptLanguage: settings.language,
    ports: settings.ports,
    addresses: addressRule(settings.allowedNetworks, settings.refusedNetworks),
    dnsServers: settings.dnsServers,
    refusedUrls: settings.refusedUrls,
  })
  return new UrlPreviews(
    kept,
    bytes,
    { fetcher, images, clock, random, logger },
    {
      serverName: config.server.name,
      timeoutMs: settings.timeout,
      limitBytes: settings.maxSize,
      freshForMs: settings.freshFor,
      lifetimeMs: settings.lifetime,
      storageBytes: settings.storage,
      atOnce: settings.atOnce,
      consume: (user) => rateLimiter.consume('urlPreview', user),
    },
  )
}

/** Says what asks, for whom, and that it is a machine: sites decide by it what they give. */
const userAgentOf = ({ server }: Config): string =>
  `Homeroom/${PACKAGE_VERSION} (bot; Matrix URL preview for ${server.name})`
