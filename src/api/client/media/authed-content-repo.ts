import { type AnyEndpoint, endpoint, user, v1Only } from '#http'
import {
  DownloadQuery,
  download,
  type MediaDeps,
  MediaPath,
  NamedMediaPath,
  PreviewQuery,
  previewUrl,
  ThumbnailQuery,
  thumbnail,
} from './media-answers.ts'

/** `authed-content-repo.yaml`. Guests may look at files (module "Guest access"). */
export const authedContentRepoEndpoints = (deps: MediaDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v1Only('/media/config'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    handler: async (): Promise<{ 'm.upload.size': number }> => ({ 'm.upload.size': deps.media.limits.uploadBytes }),
  }),
  endpoint({
    method: 'GET',
    paths: v1Only('/media/download/:serverName/:mediaId'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: MediaPath,
    query: DownloadQuery,
    handler: (request) => download(deps, request, 'authenticated'),
  }),
  endpoint({
    method: 'GET',
    paths: v1Only('/media/download/:serverName/:mediaId/:fileName'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: NamedMediaPath,
    query: DownloadQuery,
    handler: (request) => download(deps, request, 'authenticated'),
  }),
  endpoint({
    method: 'GET',
    paths: v1Only('/media/thumbnail/:serverName/:mediaId'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: MediaPath,
    query: ThumbnailQuery,
    handler: (request) => thumbnail(deps, request, 'authenticated'),
  }),
  endpoint({
    method: 'GET',
    paths: v1Only('/media/preview_url'),
    auth: user(),
    rateLimit: 'read',
    query: PreviewQuery,
    handler: (request) => previewUrl(deps, request),
  }),
]
