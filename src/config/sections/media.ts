import {
  baseUrl,
  bucketName,
  dnsServer,
  duration,
  durationOrNever,
  integer,
  languages,
  list,
  network,
  nonEmptyText,
  objectPrefix,
  port,
  size,
  urlPattern,
  yesOrNo,
} from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const media = {
  title: 'What people upload; kept in the folder media of the data folder, or as s3 says',
  settings: {
    uploadSize: setting(size, '50MiB', { description: 'The largest file that is taken.' }),
    uploadTimeout: setting(duration, '15m', {
      description: 'A whole upload must have come by then; never less than listen.requestTimeout.',
    }),
    userQuota: optional(size, {
      description: 'How much one user may have uploaded in all. Unset: any amount.',
    }),
    pendingUploads: setting(integer(1, 1_000, 'uploads'), 20, {
      description: 'How many uploads one user may have announced (POST /_matrix/media/v1/create) and not begun.',
    }),
    pendingLifetime: setting(duration, '24h', { description: 'How long an announced upload may take to begin.' }),
    legacyDownloads: setting(yesOrNo, true, {
      description:
        'Whether files are also given out without an access token, as clients before Matrix 1.11 ask for them, and Element in a browser as long as this server does not name 1.11.',
    }),
    remoteSize: setting(size, '100MiB', { description: 'The largest file that is fetched from another server.' }),
    remoteTimeout: setting(duration, '5m', { description: 'How long such a file may take to arrive.' }),
    remoteLifetime: setting(durationOrNever, '90d', {
      description: 'How long a copy of such a file is kept after somebody last asked for it; looked for every hour.',
    }),
    remoteStorage: setting(size, '20GiB', {
      description: 'All copies of such files together; beyond, the longest unused ones go, every hour.',
    }),
    thumbnailPixels: setting(integer(1, 1_000_000_000, 'pixels'), 40_000_000, {
      description: 'Images with more pixels, all frames together, get no thumbnail; one takes about 4 bytes of memory.',
    }),
    thumbnailTimeout: setting(duration, '10s', { description: 'How long the making of one thumbnail may take.' }),
    thumbnailsAtOnce: setting(integer(1, 64, 'thumbnails'), 2, {
      description: 'Thumbnails made at the same time, each on a thread of its own.',
    }),
  },
} as const

export const s3 = {
  title: 'A store of objects that keeps the media instead of the data folder; see media.md',
  settings: {
    bucket: optional(bucketName, {
      description: 'The bucket; it must be there. Unset: media are in the data folder. One server a bucket and prefix.',
    }),
    endpoint: optional(baseUrl, { description: "Where the store is. Unset: Amazon's, in the region." }),
    region: setting(nonEmptyText, 'us-east-1', { description: 'The region of the bucket; many stores take any.' }),
    accessKeyId: optional(nonEmptyText, {
      description:
        "Goes with secretAccessKey. Unset: the credentials that Amazon's tools find on this machine (AWS_ACCESS_KEY_ID, roles …).",
    }),
    secretAccessKey: optional(nonEmptyText, { secret: true, description: 'The secret of accessKeyId.' }),
    prefix: optional(objectPrefix, {
      description: 'Stands before the name of each object, such as "homeroom/". Unset: nothing.',
    }),
    pathStyle: setting(yesOrNo, false, {
      description:
        'Whether the bucket stands in the path of URLs, not in the name of the host; most stores but Amazon want it.',
    }),
    requestTimeout: setting(duration, '60s', {
      description:
        'How long one request may take until its answer begins, with up to 8 MiB that are sent; each is tried three times.',
    }),
  },
} as const

export const urlPreviews = {
  title: 'What stands behind the links in messages, fetched for clients by the server',
  settings: {
    enabled: setting(yesOrNo, false, {
      description:
        'Whether there are previews. They make this server ask others for URLs that its users choose; addresses of its own network are refused.',
    }),
    allowedNetworks: setting(list(network), [], {
      description:
        'Private addresses and networks that may be asked all the same; each user can then read what is there.',
    }),
    refusedNetworks: setting(list(network), [], {
      description: 'Public addresses and networks that are not asked, beside the private ones.',
    }),
    refusedUrls: setting(list(urlPattern), [], {
      description:
        'URLs that are not previewed. A star stands for any characters: https://*.example.org/private/*; without :// the host alone is looked at: *.example.org.',
    }),
    ports: setting(list(port), [80, 443], {
      description: 'The ports that may be asked. An empty list: any.',
    }),
    timeout: setting(duration, '15s', { description: 'How long page and picture may take together.' }),
    maxSize: setting(size, '10MiB', { description: 'The largest page or picture that is fetched.' }),
    freshFor: setting(duration, '1h', { description: 'For so long a preview is answered without asking again.' }),
    lifetime: setting(duration, '7d', { description: 'How long a preview and its picture are kept.' }),
    storage: setting(size, '2GiB', {
      description: 'All pictures of previews together; beyond, previews come without until older ones are gone.',
    }),
    dnsServers: setting(list(dnsServer), [], {
      description:
        "DNS servers that are asked for the names in URLs, as 1.1.1.1 or [::1]:53. None: the machine's. Its hosts file is not read.",
    }),
    atOnce: setting(integer(1, 100, 'previews'), 8, { description: 'Previews fetched at the same time.' }),
    language: setting(languages, 'en', {
      description: 'The language in which pages are asked for: an Accept-Language header, such as "de, en;q=0.5".',
    }),
  },
} as const

/** An object store is configured completely or not at all: with a part missing, media would go to the data folder unnoticed. */
export const refuseS3WithoutNeeds = (
  given: ReadonlySet<string>,
  problems: { readonly path: string; readonly message: string }[],
): void => {
  if (given.has('s3.bucket')) {
    const keys = ['s3.accessKeyId', 's3.secretAccessKey']
    const missing = keys.filter((path) => !given.has(path))
    if (missing.length === keys.length) return
    for (const path of missing) {
      problems.push({ path, message: 'expected, since accessKeyId and secretAccessKey go together' })
    }
    return
  }
  if ([...given].some((path) => path.startsWith('s3.'))) {
    problems.push({ path: 's3.bucket', message: 'expected, since another setting of s3 is there' })
  }
}
