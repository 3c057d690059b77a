import Type from 'typebox'
import type { Media, Quarantine, Thumbnails } from '#domain'
import { type AnyEndpoint, type ByteRange, endpoint, server } from '#http'
import type { ServerName } from '#spec'
import { DownloadQuery, dispositionOf, ThumbnailQuery, thumbnailName } from '../client/media/media-answers.ts'
import { multipartFile } from './multipart-file.ts'

export interface MediaForServersDeps {
  readonly media: Pick<Media, 'find' | 'open'>
  readonly thumbnails: Pick<Thumbnails, 'thumbnail'>
  readonly serverName: ServerName
  readonly quarantine: Pick<Quarantine, 'mind'>
}

const MediaIdPath = Type.Object({ mediaId: Type.String() })

/** `content_repository.yaml` of the server-server API: the media of this server, and no copies of others'. */
export const contentRepositoryEndpoints = ({
  media,
  thumbnails,
  serverName,
  quarantine,
}: MediaForServersDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/media/download/:mediaId'],
    auth: server(),
    rateLimit: 'read',
    params: MediaIdPath,
    query: Type.Pick(DownloadQuery, ['timeout_ms']),
    handler: async ({ params: { mediaId }, query, signal }) => {
      const content = await media.find(serverName, mediaId, { timeoutMs: query.timeout_ms, signal })
      await quarantine.mind({ server: serverName, mediaId }, content.sha256)
      const { contentType, sizeBytes, sha256, fileName } = content
      const file = { contentType, sizeBytes, etag: sha256, open: (range?: ByteRange) => media.open(sha256, range) }
      return multipartFile(file, dispositionOf(contentType, fileName), sha256)
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/media/thumbnail/:mediaId'],
    auth: server(),
    rateLimit: 'read',
    params: MediaIdPath,
    query: Type.Pick(ThumbnailQuery, ['width', 'height', 'method', 'animated', 'timeout_ms']),
    handler: async ({ params: { mediaId }, query, signal }) => {
      const { width, height, method = 'scale', animated = false } = query
      const content = await media.find(serverName, mediaId, { timeoutMs: query.timeout_ms, signal })
      await quarantine.mind({ server: serverName, mediaId }, content.sha256)
      const { fileName, contentType, sizeBytes } = await thumbnails.thumbnail(content, {
        width,
        height,
        method,
        animated,
      })
      const etag = fileName.replace('.', '_')
      const file = { contentType, sizeBytes, etag, open: (range?: ByteRange) => media.open(fileName, range) }
      return multipartFile(file, dispositionOf(contentType, thumbnailName(contentType)), content.sha256)
    },
  }),
]
