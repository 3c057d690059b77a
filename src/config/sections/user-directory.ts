import { yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const userDirectory = {
  title: 'The directory of users, in which people look for others',
  settings: {
    everybody: setting(yesOrNo, false, {
      description:
        'true: all users of this server can be found by each other. false: those with whom somebody shares a room, and the members of rooms that anybody may join or read. Users of other servers are found by the second rule with either.',
    }),
  },
} as const
