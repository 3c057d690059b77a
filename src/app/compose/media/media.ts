import { join } from 'node:path'
import type { MediaDeps, MediaForServersDeps } from '#api'
import { type CacheStats, KeyedLock } from '#base'
import type { Config } from '#config'
import {
  AnyMedia,
  ImageLibrary,
  Media,
  type MediaScan,
  type MediaStore,
  MediaSweep,
  Quarantine,
  RemoteFiles,
  RemoteMedia,
  remoteMediaSweep,
  StoredBytes,
  Thumbnails,
  UrlPreviews,
} from '#domain'
import { addressRule, type FederationRequests, UrlFetcher } from '#net'
import { type LeasedWork, type MediaFiles, openMediaFolder, openObjectStore, type Turns, writers } from '#store'
import { prepareFolder } from '../../host/data-folder.ts'
import { PACKAGE_VERSION } from '../../host/package-version.ts'
import type { Ground } from '../ground/ground.ts'
import { turnsOf } from '../ground/turns.ts'

export interface BuiltMedia {
  readonly media: Media
  readonly bytes: StoredBytes
  readonly api: MediaDeps & MediaForServersDeps
  readonly caches: readonly { stats(): CacheStats }[]
  /** Removes media that nobody can reach any more; one process at a time does this work. */
  readonly sweep: LeasedWork
  /** Removes copies of other servers' media. */
  readonly remoteSweep: LeasedWork
  /** Ends background work. Has to be called before the store closes. */
  stop(): Promise<void>
}

/** Builds the content repository, with its files in the data folder or in an object store. */
export const buildMedia = async (ground: Ground, requests: FederationRequests): Promise<BuiltMedia> => {
  const { config, store, clock, random, logger } = ground
  const settings = config.media
  const files = await openFiles(ground)
  const kept: MediaStore = {
    reader: store.media,
    writer: writers.media,
    previews: { reader: store.urlPreviews, writer: writers.urlPreviews },
    remote: { reader: store.remoteMedia, writer: writers.remoteMedia },
    commit: store.commit,
    files,
  }
  const limits = {
    uploadBytes: settings.uploadSize,
    userQuotaBytes: settings.userQuota,
    pendingUploads: settings.pendingUploads,
    pendingLifetimeMs: settings.pendingLifetime,
  }
  const bytes = new StoredBytes({ store: kept, turns: mediaTurnsOf(ground), scan: scanOf(ground) })
  const media = new Media({ store: kept, bytes, serverName: config.server.name, limits, clock, random })
  const images = new ImageLibrary({ maxPixels: settings.thumbnailPixels, timeoutMs: settings.thumbnailTimeout })
  const thumbnails = new Thumbnails({ store: kept, images, clock, concurrency: settings.thumbnailsAtOnce })
  const previews = config.urlPreviews.enabled ? buildPreviews(ground, kept, bytes, images) : undefined
  const sweep = new MediaSweep({ store: kept, bytes, clock, logger, previewLifetimeMs: config.urlPreviews.lifetime })
  const remote = buildRemoteMedia(ground, bytes, requests)
  const quarantine = new Quarantine(store.mediaStanding)
  const anyMedia = new AnyMedia({ serverName: config.server.name, media, remote, thumbnails, quarantine })
  return {
    media,
    bytes,
    api: {
      ...{ media, anyMedia, thumbnails, previews, quarantine, legacyDownloads: settings.legacyDownloads },
      serverName: config.server.name,
    },
    caches: [thumbnails, remote, ...(previews === undefined ? [] : [previews])],
    sweep,
    remoteSweep: remoteMediaSweep({
      ...{ reader: store.remoteMedia, bytes, clock, logger },
      unusedMs: settings.remoteLifetime.ms,
      storageBytes: settings.remoteStorage,
    }),
    stop: async () => {
      const ended = Promise.all([previews?.stop(), remote.stop()])
      // Ends transfers that may wait for a remote store that does not answer.
      files.close()
      await ended
    },
  }
}

/** Asks the operator's program about new files; undefined where it is not to be asked. */
const scanOf = ({ checks }: Ground): MediaScan | undefined =>
  checks?.checks('media') !== true
    ? undefined
    : async ({ uri, contentType, fileName, sha256, sizeBytes }, path) => {
        await checks.ask('media', () => ({
          ...{ uri, content_type: contentType, file_name: fileName ?? null, sha256, size: sizeBytes, path },
        }))
      }

/** Files in the data folder belong to this process alone, by the folder's lock; an object store may be shared, so its turns are. */
const mediaTurnsOf = (ground: Ground): Turns =>
  ground.config.s3.bucket === undefined ? new KeyedLock<string>() : turnsOf(ground, 'media-turn')

/** Throws `StartError`. */
const openFiles = async ({ config, databaseId, random }: Ground): Promise<MediaFiles> => {
  const { dataFolder } = config.storage
  const { bucket, endpoint, region, accessKeyId, secretAccessKey, prefix = '', pathStyle, requestTimeout } = config.s3
  if (bucket === undefined) {
    const folder = join(dataFolder, 'media')
    for (const used of [folder, join(folder, 'drafts')]) await prepareFolder('media', used)
    return openMediaFolder(folder, random)
  }
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey }
  const spoolFolder = join(dataFolder, 'media-spool')
  await prepareFolder('media', spoolFolder)
  const place = { bucket, endpoint, region, credentials, prefix, pathStyle }
  return openObjectStore({ ...place, timeoutMs: requestTimeout, spoolFolder, databaseId }, random)
}

const buildRemoteMedia = (
  { config, store, clock, logger, rateLimiter }: Ground,
  bytes: StoredBytes,
  requests: FederationRequests,
): RemoteMedia => {
  const limits = { bytes: config.media.remoteSize, timeoutMs: config.media.remoteTimeout }
  // Servers may point to a store of objects, in whatever network this one may reach other servers.
  const fetcher = new UrlFetcher({
    userAgent: `Homeroom/${PACKAGE_VERSION}`,
    acceptLanguage: '*',
    ports: [],
    addresses: addressRule(config.federation.allowedNetworks, []),
    dnsServers: [],
    refusedUrls: [],
  })
  return new RemoteMedia({
    ...{ reader: store.remoteMedia, writer: writers.remoteMedia, commit: store.commit, bytes, clock, logger },
    files: new RemoteFiles({ requests, fetcher, limits }),
    limits: { ...limits, consume: (countedAs) => rateLimiter.consume('remoteMedia', countedAs) },
  })
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
  return new UrlPreviews({
    store: kept,
    bytes,
    tools: { fetcher, images, clock, random, logger },
    options: {
      serverName: config.server.name,
      timeoutMs: settings.timeout,
      limitBytes: settings.maxSize,
      freshForMs: settings.freshFor,
      lifetimeMs: settings.lifetime,
      storageBytes: settings.storage,
      atOnce: settings.atOnce,
      consume: (user) => rateLimiter.consume('urlPreview', user),
    },
  })
}

/** The user agent of requests for previews: names Homeroom, the server, and that it is a bot, as sites choose their answer by it. */
const userAgentOf = ({ server }: Config): string =>
  `Homeroom/${PACKAGE_VERSION} (bot; Matrix URL preview for ${server.name})`
