import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import Type from 'typebox'
import { type AnyMedia, identiconOf, type Media, type MediaAsker, type Quarantine, type UrlPreviews } from '#domain'
import { addressKey, FileReply, type Requester, type StreamedBody } from '#http'
import { type JsonObject, MatrixError, type ServerName, stringAt } from '#spec'

export interface MediaDeps {
  readonly media: Pick<Media, 'upload' | 'announce' | 'fill' | 'open' | 'limits'>
  readonly anyMedia: Pick<AnyMedia, 'find' | 'thumbnail'>
  /** undefined: previews are off. */
  readonly previews: Pick<UrlPreviews, 'preview'> | undefined
  readonly quarantine: Pick<Quarantine, 'holds'>
  readonly serverName: ServerName
  /** Whether files are given out without an access token. */
  readonly legacyDownloads: boolean
}

const timeoutMs = Type.Optional(Type.Integer({ minimum: 0 }))
export const MediaPath = Type.Object({ serverName: Type.String(), mediaId: Type.String() })
export const NamedMediaPath = Type.Object({
  serverName: Type.String(),
  mediaId: Type.String(),
  fileName: Type.String(),
})
/** For administrators, who may look at what nobody else is given. */
const bypass = Type.Optional(Type.Boolean())
export const DownloadQuery = Type.Object({
  admin_unsafely_bypass_quarantine: bypass,
  timeout_ms: timeoutMs,
  allow_remote: Type.Optional(Type.Boolean()),
  allow_redirect: Type.Optional(Type.Boolean()),
})
export const ThumbnailQuery = Type.Object({
  admin_unsafely_bypass_quarantine: bypass,
  width: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  height: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  method: Type.Optional(Type.Union([Type.Literal('crop'), Type.Literal('scale')])),
  animated: Type.Optional(Type.Boolean()),
  timeout_ms: timeoutMs,
  allow_remote: Type.Optional(Type.Boolean()),
  allow_redirect: Type.Optional(Type.Boolean()),
})

export const IdenticonQuery = Type.Object({
  width: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  height: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
})
export const PreviewQuery = Type.Object({ url: Type.String(), ts: Type.Optional(Type.Integer({ minimum: 0 })) })

interface Asked<Params, Query> {
  readonly params: Params
  readonly query: Query
  readonly signal: AbortSignal
  readonly requester: Requester | undefined
  readonly ip: string
}
interface MediaParams {
  readonly serverName: string
  readonly mediaId: string
  readonly fileName?: string
}

/** `authenticated`: only the client may cache the file; else any cache may. */
export type Audience = 'authenticated' | 'everybody'

export const download = async (
  { media, anyMedia }: Pick<MediaDeps, 'media' | 'anyMedia'>,
  request: Asked<MediaParams, Type.Static<typeof DownloadQuery>>,
  audience: Audience,
): Promise<FileReply> => {
  const { params } = request
  const content = await anyMedia.find(params.serverName, params.mediaId, askerOf(request))
  return new FileReply({
    contentType: content.contentType,
    sizeBytes: content.sizeBytes,
    etag: content.sha256,
    headers: headersOf(dispositionOf(content.contentType, params.fileName ?? content.fileName), audience),
    open: (range) => media.open(content.sha256, range),
  })
}

export const thumbnail = async (
  { media, anyMedia }: Pick<MediaDeps, 'media' | 'anyMedia'>,
  request: Asked<MediaParams, Type.Static<typeof ThumbnailQuery>>,
  audience: Audience,
): Promise<FileReply> => {
  const { serverName, mediaId } = request.params
  const { width, height, method = 'scale', animated = false } = request.query
  const wanted = { width, height, method, animated }
  const found = await anyMedia.thumbnail(serverName, mediaId, wanted, askerOf(request))
  const { fileName, contentType, sizeBytes } = found
  return new FileReply({
    contentType,
    sizeBytes,
    etag: fileName.replace('.', '_'),
    headers: headersOf(dispositionOf(contentType, thumbnailName(contentType)), audience),
    open: (range) => media.open(fileName, range),
  })
}

const askerOf = ({
  query,
  signal,
  requester,
  ip,
}: Asked<
  unknown,
  {
    readonly timeout_ms?: number
    readonly allow_remote?: boolean
    readonly admin_unsafely_bypass_quarantine?: boolean
  }
>): MediaAsker => ({
  bypassesQuarantine:
    query.admin_unsafely_bypass_quarantine === true && requester?.kind === 'user' && requester.admin === true,
  countedAs: requester?.userId ?? addressKey(ip),
  allowRemote: query.allow_remote ?? true,
  timeoutMs: query.timeout_ms,
  signal,
})

export const thumbnailName = (contentType: string): string => `thumbnail.${contentType.slice('image/'.length)}`

export const identicon = async (
  text: string,
  { width, height }: Type.Static<typeof IdenticonQuery>,
): Promise<FileReply> => {
  const bytes = identiconOf(text, width, height)
  return new FileReply({
    contentType: 'image/png',
    sizeBytes: bytes.length,
    etag: hash('sha256', bytes, 'base64url'),
    headers: {
      ...headersOf(dispositionOf('image/png', 'identicon.png'), 'everybody'),
      // Another release may draw it differently.
      'Cache-Control': 'public, max-age=86400',
    },
    open: async (range) => Readable.from([range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)]),
  })
}

export const previewUrl = async (
  { previews, quarantine, serverName }: Pick<MediaDeps, 'previews' | 'quarantine' | 'serverName'>,
  {
    requester,
    query,
    signal,
  }: {
    readonly requester: Requester
    readonly query: Type.Static<typeof PreviewQuery>
    readonly signal: AbortSignal
  },
): Promise<JsonObject> => {
  // The same error as for an unknown endpoint makes clients stop asking.
  if (previews === undefined) throw new MatrixError('M_UNRECOGNIZED', 'This server makes no previews of URLs')
  const preview = await previews.preview(requester.userId, query.url, query.ts, signal)
  const mediaId = stringAt(preview, 'og:image')?.split('/').at(-1)
  if (mediaId === undefined || !(await quarantine.holds({ server: serverName, mediaId }))) return preview
  return Object.fromEntries(Object.entries(preview).filter(([name]) => !/^(og:image|matrix:image)/.test(name)))
}

export const uploadOf = ({ stream, contentType, lengthBytes }: StreamedBody, fileName: string | undefined) => ({
  stream,
  contentType,
  lengthBytes,
  fileName,
})

/** The headers that the module "Content repository" recommends. The file behind an id never changes. */
const headersOf = (disposition: string, audience: Audience): Readonly<Record<string, string>> => ({
  'Content-Disposition': disposition,
  'Content-Security-Policy':
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': `${audience === 'everybody' ? 'public' : 'private'}, max-age=31536000, immutable`,
})

/** The types of "Serving inline content": shown as these, a file runs no script. SVG and HTML can. */
const INLINE_TYPES: ReadonlySet<string> = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  ...['jpeg', 'gif', 'png', 'apng', 'webp', 'avif'].map((name) => `image/${name}`),
  ...['mp4', 'webm', 'ogg', 'quicktime'].map((name) => `video/${name}`),
  ...['mp4', 'webm', 'aac', 'mpeg', 'ogg', 'wave', 'wav', 'x-wav', 'x-pn-wav', 'flac', 'x-flac'].map(
    (name) => `audio/${name}`,
  ),
])

/** The header of RFC 6266: names beyond ASCII as in RFC 8187, and a plain name for clients that do not know it. */
export const dispositionOf = (contentType: string, fileName: string | undefined): string => {
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const kind = INLINE_TYPES.has(essence) ? 'inline' : 'attachment'
  if (fileName === undefined) return kind
  const plain = fileName.replaceAll(/[^\x20-\x7e]/gu, '_').replaceAll(/["\\]/g, '\\$&')
  const encoded = encodeURIComponent(fileName).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  const isPlain = /^[\x20-\x7e]*$/.test(fileName) && !/%[0-9a-f]{2}/i.test(fileName)
  return isPlain ? `${kind}; filename="${plain}"` : `${kind}; filename="${plain}"; filename*=utf-8''${encoded}`
}
