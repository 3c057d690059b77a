import type { AnyEndpoint } from '#http'
import { type MediaDeedsDeps, mediaDeedsEndpoints } from './media-deeds.ts'
import { type MediaListsDeps, mediaListEndpoints } from './media-lists.ts'

export type MediaAdminDeps = MediaDeedsDeps & MediaListsDeps

export const mediaAdminEndpoints = (deps: MediaAdminDeps): readonly AnyEndpoint[] => [
  ...mediaListEndpoints(deps),
  ...mediaDeedsEndpoints(deps),
]
