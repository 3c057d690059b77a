import { duration, yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const push = {
  title: 'Notifications sent to push gateways',
  settings: {
    allowPrivateAddresses: setting(yesOrNo, false, {
      description:
        'Whether gateways may stand on this machine and in private networks, then also without TLS. Users choose them: leave it off where they must not reach what is inside.',
    }),
    requestTimeout: setting(duration, '10s', { description: 'How long one request to a gateway may take.' }),
  },
} as const
