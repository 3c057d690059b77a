import { rate, yesOrNo } from '../kinds.ts'
import { setting } from '../setting.ts'

export const rateLimits = {
  title: 'How often one may ask',
  settings: {
    enabled: setting(yesOrNo, true, {
      flag: 'no-rate-limit',
      flagMeans: false,
      description: 'Whether there are limits at all. The flag switches them off.',
    }),
    message: setting(rate, '100/10s', { description: 'Events that one user sends.' }),
    login: setting(rate, '20/60s', {
      description: 'Logins from one address, and tries of one address at one account.',
    }),
    accountLogin: setting(rate, '300/60s', {
      description:
        'Tries at one account from all addresses together. It does not hold at addresses where the user has been seen, so that strangers lock nobody out by guessing.',
    }),
    wrongToken: setting(rate, '200/60s', {
      description:
        'Wrong access tokens from one address. After them, tokens not in use there are refused unread for a while.',
    }),
    registration: setting(rate, '20/60s', { description: 'Registrations from one address.' }),
    newAccount: setting(rate, '1000/86400s', {
      description:
        'Accounts made from one range of addresses: 256 neighbours of IPv4, or a /48 of IPv6. Registrations that are refused do not count.',
    }),
    mail: setting(rate, '10/600s', {
      description: 'Mails that one address of the network asks for, and that are sent to one e-mail address.',
    }),
    join: setting(rate, '30/10s', { description: 'Joins of one user.' }),
    invite: setting(rate, '50/10s', { description: 'Invites by one user.' }),
    createRoom: setting(rate, '20/60s', { description: 'Rooms that one user makes.' }),
    profile: setting(rate, '20/10s', { description: 'Profile changes of one user.' }),
    keyUpload: setting(rate, '30/10s', {
      description: 'Uploads of keys for encryption, of one user. Clients repeat a refused one in a loop.',
    }),
    urlPreview: setting(rate, '60/60s', { description: 'URLs that are fetched for one user, to preview them.' }),
    remoteMedia: setting(rate, '300/60s', {
      description:
        'Files of other servers that are fetched for one user, or for one address where nobody is logged in.',
    }),
    read: setting(rate, '500/10s', { description: 'Requests that only read, of one user or one address.' }),
    federation: setting(rate, '1000/10s', { description: 'Requests of one other homeserver, of all kinds together.' }),
    other: setting(rate, '200/10s', { description: 'All other requests, of one user or one address.' }),
  },
} as const
