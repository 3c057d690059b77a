import { baseUrl, duration, list, nonEmptyText, turnUri } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const voip = {
  title: 'Calls: TURN servers and LiveKit',
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
    livekitUrls: setting(list(baseUrl), [], {
      description:
        'Services that let users into a LiveKit server for calls with Element Call (lk-jwt-service), the preferred one first. Clients are told of them when they ask, and in /.well-known/matrix/client.',
    }),
  },
} as const
