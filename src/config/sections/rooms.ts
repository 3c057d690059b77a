import { durationOrNever, oneOf } from '../kinds.ts'
import { setting } from '../setting.ts'

export const rooms = {
  title: 'Rooms that nobody is in any more',
  settings: {
    purgeAfter: setting(durationOrNever, 'never', {
      description:
        'How long after its last event such a room is removed for good, with all that was said in it. Looked for on start and every hour.',
    }),
    purgeWhen: setting(oneOf('forgotten', 'left'), 'forgotten', {
      description:
        'forgotten: each of those who were in it has told their client to forget it; left: it is enough that all have left.',
    }),
  },
} as const
