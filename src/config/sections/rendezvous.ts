import { duration, yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const rendezvous = {
  title: 'Where two devices meet, so that one signs the other in by a QR code',
  settings: {
    enabled: setting(yesOrNo, false, {
      description:
        'Whether clients are told of it, and may meet here. The login itself needs an OAuth server that your clients know and that lets devices in (device grant); this server has none. It needs server.publicBaseUrl.',
    }),
    lifetime: setting(duration, '2m', { description: 'How long two devices may take.' }),
  },
} as const
