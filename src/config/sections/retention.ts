import { durationOrNever, yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const retention = {
  title: 'How long messages are kept (MSC1763)',
  settings: {
    enabled: setting(yesOrNo, false, {
      description:
        'Whether messages are removed when they are older than their room wants (max_lifetime of m.room.retention, in milliseconds). They are no longer shown at once, and removed from the database within an hour. State is always kept, and so are uploaded files: the server cannot know of all who need one.',
    }),
    defaultLifetime: setting(durationOrNever, 'never', {
      description: 'How long messages are kept in rooms that say nothing of it.',
    }),
    minLifetime: setting(durationOrNever, 'never', {
      description: 'The least time that messages are kept whatever their room wants. never: there is no such time.',
    }),
    maxLifetime: setting(durationOrNever, 'never', {
      description: 'The longest time that messages are kept whatever their room wants. never: there is no such time.',
    }),
  },
} as const
