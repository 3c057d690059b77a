import { duration, integer, size, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const media = {
  title: 'What people upload; kept in the folder media of the data folder',
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
        'Whether files are also given out without an access token, as clients before Matrix 1.11 ask for them.',
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
