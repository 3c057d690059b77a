import { yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const presence = {
  title: 'Who is online',
  settings: {
    enabled: setting(yesOrNo, true, {
      description:
        'Whether users see who is about. Switched off, everybody is offline, and status messages are dropped.',
    }),
    federation: setting(yesOrNo, true, {
      description:
        'Whether other homeservers are told who of the users here is about, if they share rooms with them. What other servers tell is shown in any case.',
    }),
    acceptInvites: setting(yesOrNo, false, {
      description:
        'Whether everybody may see the presence of whomever they put on their presence list, as on the servers of 2015. Off, each must have listed the other.',
    }),
  },
} as const
