import Type from 'typebox'
import { type AnyEndpoint, endpoint, none, user } from '#http'
import { MatrixError } from '#spec'
import {
  DownloadQuery,
  download,
  IdenticonQuery,
  identicon,
  type MediaDeps,
  MediaPath,
  NamedMediaPath,
  PreviewQuery,
  previewUrl,
  ThumbnailQuery,
  thumbnail,
  uploadOf,
} from './media-answers.ts'

/** The current path and those before it: `v1` is that of 2015. */
const mediaPaths = (path: string): readonly [string, ...string[]] => [
  `/_matrix/media/v3${path}`,
  `/_matrix/media/r0${path}`,
  `/_matrix/media/v1${path}`,
]

/** Pictures made from a text. No release of the specification has them, but clients of 2015 ask for them for users without an avatar. */
const IdenticonPath = Type.Object({ text: Type.String({ minLength: 1, maxLength: 1_000 }) })
const UploadQuery = Type.Object({ filename: Type.Optional(Type.String()) })

/** `content-repo.yaml`: uploads, and the downloads without an access token from before Matrix 1.11. */
export const contentRepoEndpoints = (deps: MediaDeps): readonly AnyEndpoint[] => [
  ...uploadEndpoints(deps),
  ...legacyEndpoints(deps),
  ...previewEndpoints(deps),
]

const uploadEndpoints = ({ media }: MediaDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: mediaPaths('/upload'),
    auth: user(),
    rateLimit: 'other',
    query: UploadQuery,
    body: 'stream',
    handler: async ({ requester, query, body }): Promise<{ content_uri: string }> => ({
      content_uri: await media.upload(requester.user, uploadOf(body, query.filename)),
    }),
  }),
  endpoint({
    method: 'PUT',
    paths: ['/_matrix/media/v3/upload/:serverName/:mediaId'],
    auth: user(),
    rateLimit: 'other',
    params: MediaPath,
    query: UploadQuery,
    body: 'stream',
    handler: async ({ requester, params, query, body }) => {
      await media.fill(requester.user, params.serverName, params.mediaId, uploadOf(body, query.filename))
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_matrix/media/v1/create'],
    auth: user(),
    rateLimit: 'other',
    handler: async ({ requester }): Promise<{ content_uri: string; unused_expires_at: number }> => {
      const { contentUri, expiresAtMs } = await media.announce(requester.user)
      return { content_uri: contentUri, unused_expires_at: expiresAtMs }
    },
  }),
]

const previewEndpoints = (deps: MediaDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: mediaPaths('/preview_url'),
    auth: user(),
    rateLimit: 'read',
    query: PreviewQuery,
    handler: (request) => previewUrl(deps, request),
  }),
  endpoint({
    method: 'GET',
    paths: mediaPaths('/identicon/:text'),
    auth: none(),
    rateLimit: 'read',
    params: IdenticonPath,
    query: IdenticonQuery,
    handler: ({ params, query }) => identicon(params.text, query),
  }),
]

const legacyEndpoints = (deps: MediaDeps): readonly AnyEndpoint[] => {
  const refuseIfOff = (): void => {
    if (!deps.legacyDownloads) {
      throw new MatrixError('M_NOT_FOUND', 'Files are served at /_matrix/client/v1/media, with an access token')
    }
  }
  const legacyDownload = async (request: Parameters<typeof download>[1]) => {
    refuseIfOff()
    return download(deps, request, 'everybody')
  }
  return [
    endpoint({
      method: 'GET',
      paths: mediaPaths('/config'),
      auth: user(),
      rateLimit: 'read',
      handler: async (): Promise<{ 'm.upload.size': number }> => ({ 'm.upload.size': deps.media.limits.uploadBytes }),
    }),
    endpoint({
      method: 'GET',
      paths: mediaPaths('/download/:serverName/:mediaId'),
      auth: none(),
      rateLimit: 'read',
      params: MediaPath,
      query: DownloadQuery,
      handler: legacyDownload,
    }),
    endpoint({
      method: 'GET',
      paths: mediaPaths('/download/:serverName/:mediaId/:fileName'),
      auth: none(),
      rateLimit: 'read',
      params: NamedMediaPath,
      query: DownloadQuery,
      handler: legacyDownload,
    }),
    endpoint({
      method: 'GET',
      paths: mediaPaths('/thumbnail/:serverName/:mediaId'),
      auth: none(),
      rateLimit: 'read',
      params: MediaPath,
      query: ThumbnailQuery,
      handler: async (request) => {
        refuseIfOff()
        return thumbnail(deps, request, 'everybody')
      },
    }),
  ]
}
