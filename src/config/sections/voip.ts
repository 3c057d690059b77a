import { duration, list, nonEmptyText, turnUri } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const voip = {
  title: 'TURN servers for calls: /voip/turnServer',
  settings: {
    turnUris: setting(list(turnUri), [], {
      description: 'TURN servers that clients are told of. Empty: none, and clients call each other directly.',
    }),
    turnSharedSecret: optional(nonEmptyText, {
      secret: true,
      description:
        'Shared with the TURN servers (static-auth-secret of coturn); each user gets credentials for a time.',
    }),
    turnUsername: optional(nonEmptyText, {
      description: 'The same name for everybody, where there is no shared secret.',
    }),
    turnPassword: optional(nonEmptyText, { secret: true, description: 'The password of turnUsername.' }),
    turnLifetime: setting(duration, '24h', { description: 'How long credentials are good.' }),
  },
} as const
