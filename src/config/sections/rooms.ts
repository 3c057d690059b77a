import { durationOrNever, integer, oneOf, size, yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const rooms = {
  title: 'Rooms: how much they hold, and those that nobody is in any more',
  settings: {
    maxStateSize: setting(size, '16MiB', {
      description:
        "The most that a room's current state may hold, as JSON. Of each membership 2 KiB are free, and power levels, join rules and the like are always taken, so people can join and set a full room right. A change beyond it is refused with M_TOO_LARGE.",
    }),
    maxStateEntries: setting(integer(100, 1_000_000, 'entries'), 25_000, {
      description: "The most entries of a room's current state, memberships aside. Refused in the same way.",
    }),
    purgeAfter: setting(durationOrNever, 'never', {
      description:
        'How long after its last event such a room is removed for good, with all that was said in it. Looked for on start and every hour.',
    }),
    purgeWhen: setting(oneOf('forgotten', 'left'), 'forgotten', {
      description:
        'forgotten: each of those who were in it has told their client to forget it; left: it is enough that all have left.',
    }),
    forgetOnLeave: setting(yesOrNo, false, {
      description:
        'Whether a room is forgotten for whoever leaves it, as if their client had asked for that: they cannot read its history any more.',
    }),
  },
} as const
