import { durationOrNever, integer, size, yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const encryption = {
  title: 'What is kept for end-to-end encryption',
  settings: {
    inboxSize: setting(size, '64MiB', {
      description:
        'Messages that may wait for one device, such as keys for rooms. Further ones are dropped until the device fetches some.',
    }),
    clearInboxAfter: setting(durationOrNever, 'never', {
      description:
        'How long after a device was last seen the messages that wait for it are dropped; looked for every ten minutes. Its user loses keys if they come back later.',
    }),
    oneTimeKeysPerDevice: setting(integer(1, 10_000, 'keys'), 500, {
      description: 'One-time keys of one device that nobody has claimed yet. Clients keep 50 to 100.',
    }),
    backupSize: setting(size, '1GiB', {
      description: 'Room keys that one user may have in backups on the server; a key takes some 700 bytes.',
    }),
    tellDeviceNames: setting(yesOrNo, false, {
      description: "Whether others are told the names of a user's devices, which may tell more than people know.",
    }),
  },
} as const
