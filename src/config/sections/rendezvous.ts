import { duration, yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const rendezvous = {
  title: 'Where two devices meet, so that one signs the other in by a QR code',
  settings: {
    enabled: setting(yesOrNo, false, {
      description:
        'Whether clients are told of it, and may meet here. The login itself is by OAuth 2.0 (device grant), so it needs the section oauth to be on. It needs server.publicBaseUrl.',
    }),
    lifetime: setting(duration, '2m', { description: 'How long two devices may take.' }),
  },
} as const
